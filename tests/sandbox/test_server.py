"""The server: connections, the control endpoints, moto behind it, and a clean end."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from bulkprof.sandbox import Ledger, Sandbox, SandboxMissingError, SandboxSettings
from bulkprof.sandbox.services.sessions import account_of_key, mint_key


def control(sandbox: Sandbox, path: str, body: Any = None, method: str = "GET") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox.url}/_sandbox/{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def refused(sandbox: Sandbox, path: str, body: Any = None, method: str = "PUT") -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(sandbox, path, body, method)
    with caught.value as answer:
        return answer.status, json.loads(answer.read())["message"]


def test_importing_the_sandbox_imports_neither_moto_nor_a_server() -> None:
    probe = (
        "import sys, bulkprof.sandbox; print([m for m in ('moto', 'flask', 'aiohttp', 'botocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_moto_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SandboxMissingError, match=r"pip install 'bulkprof\[sandbox\]'"):
        Sandbox().start()


def test_a_connection_is_kept_and_ends_with_the_sandbox(make: Any) -> None:
    sandbox, _ = make()
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    for _ in range(3):
        connection.request("GET", "/_sandbox/rates")
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["Content-Length"]
        assert not answer.will_close
    ours = connection.sock.getsockname()
    connection.request("GET", "/_sandbox/rates")
    connection.getresponse().read()
    assert connection.sock.getsockname() == ours
    sandbox.stop()
    assert connection.sock.recv(1) == b""
    connection.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "bulkprof-sandbox"]
    assert sandbox.ledger().profiles == ()
    sandbox.stop()


def test_it_listens_on_this_machine_only_and_a_taken_port_is_an_error(make: Any) -> None:
    sandbox, _ = make()
    assert sandbox.url.startswith("http://127.0.0.1:")
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(SandboxSettings(port=port)).start()
    with pytest.raises(RuntimeError, match="already"):
        sandbox.start()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = Sandbox().url


def test_the_environment_names_nothing_but_the_sandbox(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox, _ = make()
    monkeypatch.setenv("NO_PROXY", "internal.example")
    environment = sandbox.environment()
    assert environment["AWS_ENDPOINT_URL"] == sandbox.url
    assert environment["NO_PROXY"] == "internal.example,127.0.0.1"
    assert environment["AWS_REGION"] == "us-east-1"


def test_another_process_drives_faults_rates_hypotheses_and_reads_the_ledger(make: Any) -> None:
    sandbox, aws = make()
    control(sandbox, "faults", [{"kind": "conflict", "times": 1}], "PUT")
    control(sandbox, "faults", [{"kind": "cut_before", "nth": 9}], "POST")
    assert [fault["kind"] for fault in control(sandbox, "faults")] == ["conflict", "cut_before"]
    assert aws.code_of(aws.create) == "ConflictException"
    control(sandbox, "hypotheses", {"unique_names": False}, "PUT")
    assert control(sandbox, "hypotheses", {"list_lag_s": 3}, "POST")["unique_names"] is False
    assert control(sandbox, "hypotheses", {}, "PUT")["list_lag_s"] == 0
    control(sandbox, "rates", {"per_second": 0, "burst": 0, "operation": "GetInferenceProfile"}, "PUT")
    assert len(control(sandbox, "rates")) == 2
    control(sandbox, "denied", {"actions": ["bedrock:TagResource"]}, "PUT")
    assert control(sandbox, "denied") == {"accounts": [], "actions": ["bedrock:TagResource"]}
    arn = aws.create(tags=[{"key": "team", "value": "a"}])
    ledger = Ledger.from_json(control(sandbox, "ledger"))
    assert ledger == sandbox.ledger()
    assert [profile.arn for profile in ledger.live] == [arn]
    assert ledger.count(result="ConflictException") == 1


def test_another_process_puts_use_in(make: Any) -> None:
    sandbox, _ = make()
    assert control(sandbox, "usage") == []
    control(sandbox, "usage", {"model": "search", "invocations": 3}, "POST")
    left = control(sandbox, "usage", [{"model": "rank"}], "PUT")
    assert [(row["model"], row["invocations"], row["region"]) for row in left] == [
        ("search", 3, "us-east-1"),
        ("rank", 0, "us-east-1"),
    ]
    assert refused(sandbox, "usage", {"model": ""}) == (400, "a row needs a `model`: a profile's name, or a model's id")


def test_another_process_makes_an_organization(make: Any) -> None:
    sandbox, aws = make()
    assert control(sandbox, "organization") is None
    made = control(sandbox, "organization", {"accounts": [{"id": "111111111111", "name": "web", "ou": "Prod"}]}, "PUT")
    assert made["management_account"] == "123456789012"
    assert [account["id"] for account in made["accounts"]] == ["111111111111", "123456789012"]
    assert len(aws("organizations").list_accounts()["Accounts"]) == 2
    assert refused(sandbox, "organization", {"accounts": [{"id": "1"}]})[0] == 400


def test_control_calls_that_make_no_sense_are_refused_in_words(make: Any) -> None:
    sandbox, _ = make()
    assert refused(sandbox, "faults", [{"kind": "explode"}])[0] == 400
    assert refused(sandbox, "hypotheses", {"names": 1})[1].startswith("unknown hypothesis names")
    assert refused(sandbox, "rates", {"burst": 1})[0] == 400
    assert refused(sandbox, "ledger", {})[0] == 405
    status, message = refused(sandbox, "nothing", method="GET")
    assert status == 404
    assert "/_sandbox/ledger" in message


def test_s3_is_motos_and_knows_the_account(make: Any) -> None:
    _, aws = make()
    keys = aws.assume("210987654321")
    s3 = aws("s3", keys=keys)
    s3.create_bucket(Bucket="results")
    body = b"x" * 2_000_000
    s3.put_object(Bucket="results", Key="a b/\u00e9.jsonl", Body=body, ContentEncoding="gzip")
    assert s3.head_object(Bucket="results", Key="a b/\u00e9.jsonl")["ContentLength"] == len(body)
    assert s3.get_object(Bucket="results", Key="a b/\u00e9.jsonl")["Body"].read() == body
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["results"]
    assert aws("s3").list_buckets()["Buckets"] == []
    assert (
        aws("organizations").create_organization(FeatureSet="ALL")["Organization"]["MasterAccountId"] == "123456789012"
    )


def test_buckets_end_with_the_sandbox(make: Any) -> None:
    for _ in range(2):
        sandbox, aws = make()
        assert aws("s3").list_buckets()["Buckets"] == []
        aws("s3").create_bucket(Bucket="short-lived")
        sandbox.stop()


def test_roles_lead_into_accounts_unless_denied(make: Any) -> None:
    sandbox, aws = make(denied_accounts=frozenset({"333333333333"}))
    member = aws.assume("210987654321")
    identity = aws("sts", keys=member).get_caller_identity()
    assert identity["Account"] == "210987654321"
    assert identity["Arn"] == "arn:aws:sts::210987654321:assumed-role/Onboarding/tests"
    assert aws("sts").get_caller_identity()["Account"] == "123456789012"
    assert aws.create(client=aws(keys=member)).startswith("arn:aws:bedrock:us-east-1:210987654321:")
    assert aws.code_of(lambda: aws.assume("333333333333")) == "AccessDenied"
    sandbox.set_denied(accounts=())
    assert aws.assume("333333333333")
    assert aws.code_of(lambda: aws.assume("nonsense")) == "ValidationError"
    assert aws.code_of(lambda: aws.assume("333333333333", DurationSeconds=900 * 100)) == "ValidationError"


@pytest.mark.parametrize("announced", [True, False])
def test_sessions_expire(make: Any, clock: Any, announced: bool) -> None:
    _, aws = make(session_lifetime_s=60, announce_lifetime=announced)
    keys = aws.assume("210987654321")
    left = keys["Expiration"].timestamp() - clock()
    assert left == pytest.approx(60 if announced else 3600, abs=0.01)
    member = aws(keys=keys)
    aws.create(client=member)
    clock.advance(60)
    with pytest.raises(member.exceptions.ClientError) as caught:
        aws.create("team-b", client=member)
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    aws.create()


def test_keys_carry_their_account_and_foreign_keys_none() -> None:
    for account in ("000000000001", "210987654321", "999999999999"):
        key = mint_key(account, 7)
        assert len(key) == 20
        assert account_of_key(key) == account
    assert mint_key("000000000001", 7) != mint_key("000000000001", 8)
    for foreign in ("", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ASIA1111111111111111"):
        assert account_of_key(foreign) is None


def test_half_a_request_harms_no_other_call(make: Any) -> None:
    sandbox, aws = make()
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as rude:
        rude.sendall(b"POST /inference-profiles HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert aws.create()
