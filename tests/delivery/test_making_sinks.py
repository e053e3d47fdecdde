"""The sinks that plugins make: their names, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from bulkprof.delivery.sinks import make_sinks
from bulkprof.errors import PluginError
from bulkprof.plugins import RunContext, Sink
from bulkprof.plugins.registry import Implementation, Registry
from tests.delivery.fakes import FakeSink


class WaitsInWords(Sink):
    """A sink whose time is no number."""

    end_timeout_s = "5 minutes"  # type: ignore[assignment]


class Plugins(Registry):
    """What `bulkprof_sinks` returns, by plugin; an exception is raised."""

    def __init__(self, **returned: object) -> None:
        self.returned = returned

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        def returning(value: object) -> object:
            def implementation(run: RunContext) -> object:
                if isinstance(value, Exception):
                    raise value
                return value

            return implementation

        return tuple(Implementation(name, hook, returning(value), True) for name, value in self.returned.items())


def made(told: list[str], **returned: object) -> list[tuple[str, str]]:
    context = RunContext("run-1", "apply", "org", "2026-11-23T00:00:00+00:00", client=None)
    return [(plugin, sink.name) for plugin, sink in make_sinks(Plugins(**returned), context, told.append).sinks]


def test_sinks_are_named_by_themselves_or_their_plugin(told: list[str]) -> None:
    returned = {"s3": [FakeSink("")], "none": None, "own": [FakeSink("mine")]}
    assert made(told, **returned) == [("s3", "s3"), ("own", "mine")]
    assert told == []


def test_no_two_sinks_share_a_name_and_so_a_position(told: list[str]) -> None:
    returned = {"s3": [FakeSink(""), FakeSink("")], "other": [FakeSink("s3")]}
    assert made(told, **returned) == [("s3", "s3"), ("s3", "s3-2"), ("other", "s3-3")]


@pytest.mark.parametrize(
    "value", [ValueError("no bucket"), PluginError("bad", "no bucket"), [object()], [WaitsInWords()], 5]
)
def test_a_plugin_that_makes_no_sink_is_told_and_left_out(told: list[str], value: object) -> None:
    assert made(told, bad=value, good=[FakeSink("")]) == [("good", "good")]
    assert len(told) == 1
    assert told[0].startswith("plugin 'bad' makes no sink: ")


@dataclass(frozen=True)
class FrozenSink(Sink):
    """A sink that can't be given another name."""

    name: str = "frozen"


def test_a_sink_that_takes_no_name_keeps_its_own(told: list[str]) -> None:
    assert made(told, p=[FrozenSink()]) == [("p", "frozen")]
    assert made(told, p=[FrozenSink(), FrozenSink()]) == []
    assert told == ["plugin 'p' makes no sink: cannot assign to field 'name'"]


def test_a_name_of_a_sink_is_a_string(told: list[str]) -> None:
    assert made(told, p=[FakeSink(cast("str", 5))]) == []
    assert told == ["plugin 'p' makes no sink: FakeSink.name must be a string, not int"]
