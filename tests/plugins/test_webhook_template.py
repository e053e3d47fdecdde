"""Templates of the webhook plugin: wrong ones are found before a run, and none of them shows a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import GiveUpError
from tests.factories import finished, make_outcomes
from tests.plugins.conftest import SlackHook, all_text, sink_of

Load = Callable[..., Any]
SAMPLES = Path(__file__).parents[2] / "samples" / "webhook"
CHANGED = finished(make_outcomes(2))
FAILED = finished(make_outcomes(2, failed=3), links={"s3": "https://example.com/?a&b", "x": "s3://example/x"})
CANARY = "canary-routing-key"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, hook: SlackHook) -> None:
    monkeypatch.setenv("WEBHOOK_URL", hook.url)
    monkeypatch.setenv("ROUTING_KEY", CANARY)


def template(folder: Path, text: str | bytes) -> str:
    (folder / "body.j2").write_bytes(text.encode() if isinstance(text, str) else text)
    return "body.j2"


async def test_a_template_writes_the_body(load: Load, hook: SlackHook, tmp_path: Path) -> None:
    rows = '{{ failures | map(attribute="name") | list | tojson }}'
    text = '{"said": {{ (run.estate ~ " \\"ended\\"") | tojson }}, "rows": ' + rows + "}"
    sink = sink_of(load("webhook", template=template(tmp_path, text)))
    await sink.finish(FAILED)
    ((headers, body),) = hook.received
    assert json.loads(body) == {"said": 'example "ended"', "rows": ["bad-1", "bad-2", "bad-3"]}
    assert headers["Idempotency-Key"]
    # The services that templates are for check no signature.
    assert "Bulkprof-Signature" not in headers


async def test_it_is_signed_where_a_key_is_named(
    load: Load, hook: SlackHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "key")
    plugin = load("webhook", template=template(tmp_path, "{}"), signing_key_env="KEY")
    await sink_of(plugin).finish(CHANGED)
    assert hook.received[0][0]["Bulkprof-Signature"].startswith("t=")


async def test_it_may_write_something_else_than_json(load: Load, hook: SlackHook, tmp_path: Path) -> None:
    text = "{{ run.command }} of Zürich: {{ outcomes | length }}"
    plugin = load("webhook", template=template(tmp_path, text), content_type="text/plain; charset=utf-8", when="batch")
    await sink_of(plugin).deliver(make_outcomes(3))
    ((headers, body),) = hook.received
    assert (headers["Content-Type"], body.decode()) == ("text/plain; charset=utf-8", "apply of Zürich: 3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n{{ run.id }", "body.j2:2: unexpected '}'"),
        ("{}\n{{ sumary }}", "body.j2:2: there is no 'sumary'; there are event, failures, id, links, run, since_last,"),
        # In a branch that no made-up run comes to, too.
        ("{}{% if run.id == 'x' %}\n{{ sumary }}{% endif %}", "body.j2:2: there is no 'sumary'"),
        ("{}\n\n{{ run.ident }}", "body.j2:3: UndefinedError: 'dict object' has no attribute 'ident'"),
        ("{{ run.ident | tojson }}", "body.j2:1: UndefinedError: 'dict object' has no attribute 'ident'"),
        ("{{ links.items | tojson }}", "body.j2:1: TypeError: builtin_function_or_method is nothing that JSON has"),
        ("{}{% if outcomes %}{% endif %}", "body.j2:1: there is no 'outcomes'"),
        ('{"a": "{{ failures[0].error_message if failures else 1 }}"}', "is no JSON: Expecting ',' delimiter, in"),
        ('{"a": NaN}', "body.j2: what it gives is no JSON: NaN is no number in JSON; write each value as {{ value |"),
        ("{{ ''.__class__.__mro__ }}", "body.j2:1: SecurityError: access to attribute '__class__'"),
        ("{}\n{% include 'other.j2' %}", "body.j2:2: TypeError: no loader for this environment specified"),
        ("{{ failures.append(1) }}", "body.j2:1: SecurityError: "),
        (b"\xff", "the template body.j2 is not a text in UTF-8"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_found_before_a_run(load: Load, tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        load("webhook", template=template(tmp_path, text))
    assert str(caught.value).startswith("plugin 'webhook': ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("absent.j2", "No such file or directory"), (".", "Is a directory")])
def test_a_template_that_is_not_there_is_named(load: Load, name: str, reason: str) -> None:
    with pytest.raises(PluginError, match=f"plugin 'webhook': the template {name} can't be read: {reason}"):
        load("webhook", template=name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{{ run[values.key] if run.estate == 'example' and run.id == 'run-1' else '{}' }}",
            "body.j2:1: UndefinedError: 'dict object' has no attribute '…'",
        ),
        ("{% if run.id == 'run-1' %}{{ values.key }}{% else %}{}{% endif %}", "body.j2: what it gives is no JSON"),
    ],
)
async def test_one_that_fails_in_a_run_is_given_up_and_shows_no_secret(
    load: Load, hook: SlackHook, tmp_path: Path, text: str, said: str
) -> None:
    plugin = load("webhook", template=template(tmp_path, text), values_env={"key": "ROUTING_KEY"})
    with pytest.raises(GiveUpError) as caught:
        await sink_of(plugin).finish(CHANGED)
    assert said in str(caught.value)
    assert CANARY not in all_text(caught.value)
    assert hook.received == []


def test_a_value_whose_variable_is_unset_is_named(load: Load, tmp_path: Path) -> None:
    plugin = load("webhook", template=template(tmp_path, "{}"), values_env={"key": "ABSENT"})
    with pytest.raises(ValueError, match="variable ABSENT is not set; it must hold the value key of the webhook's"):
        sink_of(plugin)


async def test_the_sample_for_teams(load: Load, hook: SlackHook, tmp_path: Path) -> None:
    sink = sink_of(load("webhook", template=template(tmp_path, (SAMPLES / "teams.json.j2").read_bytes())))
    for run in (CHANGED, FAILED):
        await sink.finish(run)
    well, badly = (message["attachments"][0]["content"] for message in hook.messages)
    assert hook.messages[0]["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (well["type"], well["body"][0]["text"], well["actions"]) == (
        "AdaptiveCard",
        "bulkprof apply of example: done",
        [],
    )
    assert badly["body"][0]["text"] == "bulkprof apply of example: exit 3"
    assert badly["body"][1]["facts"][:2] == [{"title": "created", "value": "2"}, {"title": "failed", "value": "3"}]
    # A text run shows no Markdown: a name can't become a link.
    assert badly["body"][2]["inlines"][0] == {
        "type": "TextRun",
        "text": "bad-1 in 111122223333/us-east-1: <model> & name don't fit",
    }
    assert badly["actions"] == [{"type": "Action.OpenUrl", "title": "Report in s3", "url": "https://example.com/?a&b"}]


async def test_the_sample_for_pagerduty(load: Load, hook: SlackHook, tmp_path: Path) -> None:
    text = (SAMPLES / "pagerduty.json.j2").read_bytes()
    plugin = load("webhook", template=template(tmp_path, text), values_env={"routing_key": "ROUTING_KEY"})
    for run in (FAILED, CHANGED):
        await sink_of(plugin).finish(run)
    trigger, resolve = hook.messages
    assert trigger["routing_key"] == CANARY
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "bulkprof-example"
    payload = trigger["payload"]
    assert payload["summary"] == "bulkprof apply of example: exit 3, 3 failed"
    assert (payload["severity"], payload["source"]) == ("error", "bulkprof/example")
    assert [row["name"] for row in payload["custom_details"]["failures"]] == ["bad-1", "bad-2", "bad-3"]
    assert next(iter(payload["custom_details"]["outcomes"])) == "created"


@pytest.mark.parametrize("name", ["teams", "pagerduty"])
async def test_the_samples_name_the_sandbox(load: Load, hook: SlackHook, tmp_path: Path, name: str) -> None:
    text = (SAMPLES / f"{name}.json.j2").read_bytes()
    plugin = load("webhook", template=template(tmp_path, text), values_env={"routing_key": "ROUTING_KEY"})
    await sink_of(plugin).finish(replace(FAILED, summary=replace(FAILED.summary, sandbox=True)))
    assert "bulkprof apply of example in the sandbox: exit 3" in hook.received[0][1].decode()
