"""ARNs in parameters of the Parameter Store, by the shipped plugin, in the sandbox's accounts over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.delivery import sinks
from bulkprof.engine import retry
from bulkprof.pacing import pacer
from bulkprof.sandbox import Fault, Rate, Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import Others

OWN, OTHER = "123456789012", "444455556666"
SSM = """\
[plugins.ssm]
parameter = "/bedrock/{tag:Team}/{name}"
"""
HEADER = "name,tag:Team,account,region"
PUT, READ, DELETE = "ssm:PutParameter", "ssm:GetParameters", "ssm:DeleteParameters"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)


class Store:
    """The parameters of one account in one Region, as others see them."""

    def __init__(self, sandbox: Sandbox, account: str = "", region: str = "us-east-1") -> None:
        self.ssm = Others(sandbox, account, region).client("ssm")

    def values(self) -> dict[str, str]:
        answer = self.ssm.get_parameters_by_path(Path="/bedrock", Recursive=True)
        return {each["Name"]: each["Value"] for each in answer["Parameters"]}

    def put(self, name: str, value: str) -> None:
        self.ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def tags(self, name: str) -> dict[str, str]:
        found = self.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found}


@pytest.fixture
def store(commands: CommandLine, sandbox: Sandbox) -> Store:
    commands.config(SSM)
    return Store(sandbox)


def arns(commands: CommandLine) -> dict[str, str]:
    return {line["name"]: line["arn"] for line in commands.results()}


def run(commands: CommandLine, *rows: str, code: int = 0, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    return commands.summary("sync", commands.manifest(*rows, header=HEADER), *flags, code=code)


def sent(sandbox: Sandbox) -> dict[str, int]:
    """How many calls of SSM there were that change something."""
    return {operation: sandbox.ledger().count(operation) for operation in (PUT, DELETE)}


def test_profiles_have_parameters_and_a_second_run_writes_nothing(
    commands: CommandLine, sandbox: Sandbox, store: Store
) -> None:
    rows = [f"app-{n},Search : Ads,," for n in range(23)]
    run(commands, *rows)
    expected = {f"/bedrock/Search-Ads/{name}": arn for name, arn in arns(commands).items()}
    found = {}
    for name in expected:
        found[name] = store.ssm.get_parameter(Name=name)["Parameter"]
    assert {name: each["Value"] for name, each in found.items()} == expected
    assert {each["Type"] for each in found.values()} == {"String"}
    assert store.tags("/bedrock/Search-Ads/app-0") == {"bulkprof:estate": "tests"}
    assert (sandbox.ledger().count(PUT), sandbox.ledger().count(READ)) == (23, 3)
    run(commands, *rows)
    assert (sandbox.ledger().count(PUT), sandbox.ledger().count(READ)) == (23, 6)
    assert sandbox.ledger().count("ssm:ListTagsForResource") == 1


def test_a_parameter_that_was_deleted_comes_back(commands: CommandLine, store: Store) -> None:
    run(commands, "app,Search,,")
    store.ssm.delete_parameter(Name="/bedrock/Search/app")
    run(commands, "app,Search,,")
    assert store.values() == {"/bedrock/Search/app": arns(commands)["app"]}


def test_a_list_that_comes_without_its_content_writes_nothing_anew(
    commands: CommandLine, sandbox: Sandbox, store: Store
) -> None:
    run(commands, "app,Search,,")
    store.put("/bedrock/Search/theirs", "x")
    before = store.values()
    sandbox.set_faults([Fault("truncate_empty", operation=READ, nth=1)])
    ended = commands("apply", commands.manifest("app,Search,,", "theirs,Search,,", header=HEADER), "--yes")
    assert "/bedrock/Search/theirs was not made by this estate" in ended.err
    assert store.values() == before


def test_a_replaced_profile_moves_its_parameter_and_a_deleted_one_takes_it_along(
    commands: CommandLine, sandbox: Sandbox, store: Store
) -> None:
    run(commands, "app,Search,,", "old,Search,,", "stays,Ads,,")
    before = arns(commands)
    manifest = commands.write("teams.csv", "name,tag:Team,model\napp,Search,amazon.nova-pro-v1:0\nstays,Ads,\n")
    summary = commands.summary("sync", manifest, "--prune", "--replace")
    assert (summary["outcomes"]["replaced"], summary["outcomes"]["deleted"]) == (1, 1)
    after = {line["name"]: line["arn"] for line in commands.results() if line["outcome"] != "deleted"}
    assert after["app"] != before["app"]
    assert store.values() == {"/bedrock/Search/app": after["app"], "/bedrock/Ads/stays": before["stays"]}
    assert store.tags("/bedrock/Search/app") == {"bulkprof:estate": "tests"}
    assert sent(sandbox) == {PUT: 4, DELETE: 1}


def test_foreign_parameters_are_left_and_told(commands: CommandLine, sandbox: Sandbox, store: Store) -> None:
    store.put("/bedrock/Search/app", "theirs")
    ended = commands("apply", commands.manifest("app,Search,,", "b,Search,,", header=HEADER), "--yes", "--json")
    assert ended.code == 0
    assert "/bedrock/Search/app was not made by this estate and is left as it is" in ended.err
    assert store.values()["/bedrock/Search/app"] == "theirs"
    assert "/bedrock/Search/b" in store.values()
    # It is handed over, as the message says.
    store.ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/bedrock/Search/app", Tags=[{"Key": "bulkprof:estate", "Value": "tests"}]
    )
    assert commands("runs", "redeliver", ended.json()["run_id"], "--json").json()["delivered"] == ["ssm"]
    assert store.values()["/bedrock/Search/app"].startswith("arn:aws:bedrock:")


def test_a_foreign_parameter_of_a_deleted_profile_stays(commands: CommandLine, sandbox: Sandbox, store: Store) -> None:
    run(commands, "app,Search,,", "old,Search,,", "older,Search,,")
    ours = store.values()
    store.ssm.delete_parameter(Name="/bedrock/Search/old")
    store.put("/bedrock/Search/old", ours["/bedrock/Search/old"])
    store.put("/bedrock/Search/older", "something else")
    run(commands, "app,Search,,", flags=("--prune",))
    assert set(store.values()) == {"/bedrock/Search/app", "/bedrock/Search/old", "/bedrock/Search/older"}
    assert sandbox.ledger().count(DELETE) == 0


def test_two_accounts_and_regions(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(SSM + 'where = "target"\n')
    run(commands, f"app,Search,{OWN}|{OTHER},us-east-1|eu-central-1")
    for account in (OWN, OTHER):
        for region in ("us-east-1", "eu-central-1"):
            (value,) = Store(sandbox, account, region).values().values()
            assert value.startswith(f"arn:aws:bedrock:{region}:{account}:application-inference-profile/")


def test_a_session_that_ran_out_is_renewed(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(SSM + 'where = "target"\n')
    sandbox.set_faults([Fault("expired_token", operation=PUT, times=1)])
    run(commands, f"app,Search,{OTHER},us-east-1")
    assert list(Store(sandbox, OTHER).values()) == ["/bedrock/Search/app"]


def test_the_hub_has_all_of_them_in_one_region(commands: CommandLine, sandbox: Sandbox) -> None:
    text = SSM.replace("{name}", "{account}/{region}/{name}")
    commands.config(text + 'region = "eu-west-1"\n')
    run(commands, f"app,Search,{OWN}|{OTHER},us-east-1|eu-central-1")
    places = {f"{account}/{region}" for account in (OWN, OTHER) for region in ("us-east-1", "eu-central-1")}
    assert set(Store(sandbox, region="eu-west-1").values()) == {f"/bedrock/Search/{place}/app" for place in places}
    assert Store(sandbox, OTHER, "eu-west-1").values() == {}


def test_an_account_that_is_closed_for_one_run_is_served_by_the_next(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(SSM + 'where = "target"\n')
    rows = [f"app,Search,{account},us-east-1" for account in (OWN, OTHER)]
    run(commands, *rows)
    arn = Store(sandbox, OTHER).values()["/bedrock/Search/app"]
    for account in (OWN, OTHER):
        Store(sandbox, account).ssm.delete_parameter(Name="/bedrock/Search/app")
    sandbox.set_denied(accounts=[OTHER])
    ended = commands("apply", commands.manifest(*rows, header=HEADER), "--yes")
    assert ended.code == 3
    assert "sink 'ssm'" not in ended.err
    assert list(Store(sandbox, OWN).values()) == ["/bedrock/Search/app"]
    sandbox.set_denied(accounts=[])
    assert run(commands, *rows)["exit_code"] == 0
    assert Store(sandbox, OTHER).values() == {"/bedrock/Search/app": arn}


def test_two_profiles_of_one_parameter_are_told_and_neither_is_written(commands: CommandLine, store: Store) -> None:
    commands.config('[plugins.ssm]\nparameter = "/bedrock/{tag:Team}"\n')
    manifest = commands.manifest("a,Search,,", "b,Search,,", "c,Ads,,", "d,,,", header=HEADER)
    ended = commands("apply", manifest, "--yes")
    assert ended.code == 0
    assert "not delivered" not in commands("runs").out
    assert list(store.values()) == ["/bedrock/Ads"]
    assert f"{OWN}/us-east-1 a and {OWN}/us-east-1 b would share /bedrock/Search, so neither has it" in ended.err
    assert f"{OWN}/us-east-1 d: has no tag:Team, so it has no parameter" in ended.err


def test_of_many_only_the_first_are_named(commands: CommandLine, store: Store) -> None:
    ended = commands("apply", commands.manifest(*(f"a-{n},,," for n in range(23)), header=HEADER), "--yes")
    assert ended.err.count("has no tag:Team") == 20
    assert "; and 3 more" in ended.err


def test_a_name_that_ssm_keeps_for_itself_is_told(commands: CommandLine, store: Store) -> None:
    commands.config('[plugins.ssm]\nparameter = "/{tag:Team}/{name}"\n')
    ended = commands("apply", commands.manifest("a,AWS Team,,", "b,x,,", header=HEADER), "--yes")
    assert "/AWS-Team/a: a name that begins with aws or ssm is AWS's own" in ended.err
    assert store.ssm.get_parameter(Name="/x/b")["Parameter"]["Type"] == "String"


def test_throttles_are_paced_and_the_rate_is_kept(
    commands: CommandLine, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacer, "START_PACE", 1000.0)
    sandbox.set_rate(Rate(50, 5), operation=PUT)
    rows = [f"app-{n},Search,," for n in range(30)]
    run(commands, *rows)
    ledger = sandbox.ledger()
    assert ledger.count(PUT, "ok") == 30
    assert 0 < ledger.count(PUT, "throttled") < 30
    rates = json.loads((commands.folder / ".bulkprof" / "rates.json").read_text(encoding="utf-8"))
    assert f"{OWN}/us-east-1/{PUT}" in rates


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("access_denied", operation=PUT), "allow ssm:PutParameter"),
        (Fault("access_denied", operation=READ), "allow ssm:GetParameters"),
        (Fault("cut_before", operation=READ), f"{OWN}/us-east-1 GetParameters:"),
        (Fault("unavailable", operation=PUT), f"{OWN}/us-east-1 PutParameter: ServiceUnavailableException"),
        (Fault("truncate_half", operation=READ), f"{OWN}/us-east-1 GetParameters:"),
    ],
    ids=str,
)
def test_redelivery_mends_what_failed(
    commands: CommandLine, sandbox: Sandbox, store: Store, fault: Fault, told: str
) -> None:
    sandbox.set_faults([fault])
    manifest = commands.manifest(*(f"app-{n},Search,," for n in range(12)), header=HEADER)
    ended = commands("apply", manifest, "--yes", "--json")
    assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 12)
    assert "sink 'ssm' (plugin 'ssm'): ParameterError: " in ended.err
    assert ended.err.count(told) == 1
    assert store.values() == {}
    sandbox.set_faults([])
    assert commands("runs", "redeliver", ended.json()["run_id"], "--json").json()["delivered"] == ["ssm"]
    assert sandbox.ledger().count(PUT, "ok") == 12


def test_a_run_does_not_wait_for_parameters_for_ever(commands: CommandLine, sandbox: Sandbox, store: Store) -> None:
    commands.config(SSM + "wait_s = 0.3\n")
    sandbox.set_faults([Fault("delay_before", operation=PUT, delay_s=10.0)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sinks, "CALL_TIMEOUT_S", 0.1)
        patch.setattr(sinks, "END_TIMEOUT_S", 0.1)
        ended = commands("apply", commands.manifest("a,Search,,", header=HEADER), "--yes", "--json")
    assert ended.code == 0
    assert "not everything was delivered to ssm" in ended.err
    sandbox.set_faults([])
    commands.config(SSM)
    assert commands("runs", "redeliver", ended.json()["run_id"], "--json").json()["delivered"] == ["ssm"]
    assert len(store.values()) == 1


def test_a_late_delivery_brings_back_nothing_that_a_later_run_replaced_or_deleted(
    commands: CommandLine, sandbox: Sandbox, store: Store
) -> None:
    sandbox.set_faults([Fault("access_denied", operation=PUT)])
    rows = commands.write("all.csv", "name,tag:Team,model\napp,Search,\nold,Search,\nstays,Search,\n")
    first = commands.summary("apply", rows)["run_id"]
    before = arns(commands)
    Others(sandbox).delete(before["stays"])
    sandbox.set_faults([])
    rows = commands.write("all.csv", "name,tag:Team,model\napp,Search,amazon.nova-pro-v1:0\nstays,Search,\n")
    commands.summary("sync", rows, "--prune", "--replace")
    now = store.values()
    assert set(now) == {"/bedrock/Search/app", "/bedrock/Search/stays"}
    assert not set(now.values()) & set(before.values())
    assert commands("runs", "redeliver", first, "--json").json()["delivered"] == ["ssm"]
    assert store.values() == now


@pytest.mark.parametrize("kind", ["cut_after", "error_after", "truncate_empty", "throttle"])
def test_lost_answers_make_no_trouble(commands: CommandLine, sandbox: Sandbox, store: Store, kind: str) -> None:
    sandbox.set_faults([Fault(kind, operation=operation, nth=1) for operation in (PUT, READ)])
    run(commands, "a,Search,,", "b,Search,,")
    assert store.values() == {f"/bedrock/Search/{name}": arn for name, arn in arns(commands).items()}


def test_a_full_account_is_told_once_and_the_rest_goes_on(
    commands: CommandLine, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ssm import exceptions, models

    def full(*args: Any, **more: Any) -> Any:
        raise exceptions.SSMException("ParameterLimitExceeded", "You have exceeded the number of parameters.")

    monkeypatch.setattr(models.SimpleSystemManagerBackend, "put_parameter", full)
    manifest = commands.manifest(*(f"a-{n},Search,," for n in range(25)), header=HEADER)
    ended = commands("apply", manifest, "--yes")
    assert ended.code == 0
    assert "ParameterLimitExceeded: 25 parameters were not made" in ended.err
    # The ten that were under way, and none after them.
    assert 1 <= sandbox.ledger().count(PUT) <= 10


def test_the_settings_are_checked(commands: CommandLine) -> None:
    wrong = {
        "/bedrock/all": "needs a field",
        "/bedrock/{model}/{name}": "{model} can't be used",
        "/bedrock/{nothing}": "'nothing' is no field",
        "bedrock/{name}": "must begin with '/'",
        "/bedrock//{name}": "has a level without a name",
        "/bedrock/{name}/": "has a level without a name",
        "/bed rock/{name}": "' ' can't be in a parameter's name",
        "/aws/{name}": "begins with aws or ssm",
        "/a" * 15 + "/{name}": "has 16 levels; SSM takes 15",
    }
    for parameter, told in wrong.items():
        commands.config(f'[plugins.ssm]\nparameter = "{parameter}"\n')
        ended = commands("plan", commands.manifest("a,Search,,", header=HEADER))
        assert ended.code == 1
        assert "plugins.ssm.parameter" in ended.err
        assert told in ended.err


@pytest.mark.parametrize(("where", "holder"), [("hub", "hub"), ("target", "member")])
def test_the_permissions_go_to_the_role_that_writes(commands: CommandLine, where: str, holder: str) -> None:
    commands.config(SSM + f'where = "{where}"\nregion = "eu-west-1"\n')
    policies = json.loads(commands("iam-policy").out)
    found = {
        name: [each for each in document["Statement"] if each["Sid"] == "KeepParameters"]
        for name, document in policies.items()
    }
    assert [name for name, statements in found.items() if statements] == [holder]
    (statement,) = found[holder]
    assert statement["Resource"] == ["arn:aws:ssm:eu-west-1:*:parameter/bedrock/*"]
    assert "ssm:PutParameter" in statement["Action"]
