from pathlib import Path

import pytest
from bulkprof_budget_guard import Plugin, Settings

from bulkprof.plugins import (
    ActionKind,
    DesiredProfile,
    PlanOverview,
    PluginContext,
    Request,
    Target,
)

OPUS = "us.anthropic.claude-opus-4-1-20250805-v1:0"
LITE = "amazon.nova-lite-v1:0"


@pytest.fixture
def plugin():
    settings = Settings(expensive=["claude-opus"], max_creates=2)
    return Plugin(settings, PluginContext("budget-guard", Path()))


def profile(env, source):
    request = Request("teams.csv", 2, attributes={"env": env})
    return DesiredProfile(request, Target("111122223333", "us-east-1"), "big", source)


def plan(creates):
    return PlanOverview("run-1", "apply", "example", {ActionKind.CREATE: creates}, {}, lambda: iter(()))


@pytest.mark.parametrize(("env", "source"), [("prod", OPUS), ("sandbox", LITE), ("prod", LITE)])
def test_other_profiles_pass(plugin, env, source):
    assert list(plugin.bulkprof_check_profile(profile(env, source))) == []


def test_an_expensive_model_in_a_sandbox_is_refused(plugin):
    (problem,) = plugin.bulkprof_check_profile(profile("sandbox", OPUS))
    assert problem.is_error
    assert "claude-opus is not for sandbox" in str(problem)


def test_a_plan_is_vetoed_above_the_limit(plugin):
    assert list(plugin.bulkprof_check_plan(plan(2))) == []
    (problem,) = plugin.bulkprof_check_plan(plan(3))
    assert "creates 3 profiles, and 2 are allowed" in str(problem)
