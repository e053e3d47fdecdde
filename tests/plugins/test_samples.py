"""The samples' config: its plugins name and tag every row of the real input, whatever its cells hold."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bulkprof.config import load
from bulkprof.plugins import DesiredProfile, Request, Target, name_fault, tag_value_fault
from bulkprof.plugins.registry import Registry

SAMPLES = Path(__file__).parents[2] / "samples"


def read(file: str) -> list[dict[str, str]]:
    with (SAMPLES / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def profiles() -> list[DesiredProfile]:
    """Every profile that the real input asks for, through the hooks in their order."""
    config = load(SAMPLES / "bulkprof.toml")
    registry = Registry(config.settings.plugins, config.directory)
    made = []
    for line, row in enumerate(read("kubernetes-subprojects.csv"), 2):
        for model in config.settings.defaults.model:
            request = Request("kubernetes-subprojects.csv", line, attributes=row)
            profile = DesiredProfile(request, Target("", "us-east-1"), model, config.settings.models[model])
            ((_, name),) = registry.gather("bulkprof_name_profile", profile)
            profile = replace(profile, name=name)
            ((_, tags),) = registry.gather("bulkprof_tag_profile", profile)
            profile = replace(profile, tags=tags)
            assert list(registry.gather("bulkprof_check_profile", profile)) == [("tags", [])]
            made.append(profile)
    return made


def test_every_profile_of_the_real_input_gets_a_name_of_its_own(profiles: list[DesiredProfile]) -> None:
    assert len(profiles) == 2 * 236
    assert [name for name, count in Counter(profile.name for profile in profiles).items() if count > 1] == []
    assert [profile.name for profile in profiles if name_fault(profile.name)] == []
    names = {profile.name for profile in profiles}
    assert {"k8s-infra-registry-k8s-io-nova-lite", "etcd-website-nova-lite", "docs-website-nova-lite"} <= names


def test_every_profile_of_the_real_input_is_tagged_for_its_bill(profiles: list[DesiredProfile]) -> None:
    keys = {"ManagedBy", "Team", "Unit", "App", "Slack", "CostCenter", "Owner"}
    assert {frozenset(profile.tags) - {"Slack"} for profile in profiles} == {frozenset(keys - {"Slack"})}
    assert [value for profile in profiles for value in profile.tags.values() if tag_value_fault(value)] == []


def test_the_lookup_has_a_line_for_each_unit_and_no_other() -> None:
    units = {row["unit"] for row in read("kubernetes-subprojects.csv")}
    assert sorted(row["unit"] for row in read("cost-centers.csv")) == sorted(units)
