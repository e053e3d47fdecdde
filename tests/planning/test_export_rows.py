"""A row is only written where intake reads the same profile from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulkprof.config import Settings
from bulkprof.manifests.cells import Cells
from bulkprof.model import ObservedProfile, Request, Target
from bulkprof.planning.export_rows import Exporter
from bulkprof.plugins.api import RawRow
from bulkprof.profiles.catalogue import Catalogue, FoundationModel

TARGET = Target("111122223333", "us-east-1")
ARN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
CATALOGUE = Catalogue([FoundationModel("amazon.nova-lite-v1:0", ARN, frozenset({"ON_DEMAND"}))], [])
AWKWARD = st.text(alphabet="aZ0 _-.:/=+@|,;\"'\t\n\r\x0b\xa0é(", max_size=12)
TAGS = st.dictionaries(AWKWARD | st.sampled_from(["aws:x", "AWS:y", "bulkprof:estate"]), AWKWARD, max_size=4)


@given(AWKWARD, AWKWARD, TAGS)
def test_rows_read_back_as_what_they_were_written_of(name: str, description: str, tags: dict[str, str]) -> None:
    tags.pop("bulkprof:estate", None)
    profile = ObservedProfile("arn:p", name, (ARN,), description or None, tags)
    export = Exporter(Settings()).export(TARGET, [profile], CATALOGUE)
    assert len(export.rows) + export.left_out == 1
    if export.left_out:
        assert [problem.is_error for problem in export.problems] == [True]
        return
    read = Cells("found.csv").read(RawRow(2, export.rows[0]))
    assert isinstance(read, Request)
    assert (read.name, read.models) == (name, ("amazon.nova-lite-v1:0",))
    assert (read.accounts, read.regions) == ((TARGET.account,), (TARGET.region,))
    said = {problem.column for problem in export.problems}
    assert all(not problem.is_error for problem in export.problems)
    if "description" not in said:
        assert (read.description or "") == description
    # Each tag is either read back as it was, or told of, or AWS's own.
    kept = {key: value for key, value in tags.items() if not key.lower().startswith("aws:")}
    assert read.tags.items() <= kept.items()
    assert {f"tag:{key}" for key in kept if key not in read.tags} == said - {"description"}


def test_a_missing_description_that_the_config_would_fill_in_is_told() -> None:
    settings = Settings.model_validate({"defaults": {"description": "Standard"}})
    observed = [ObservedProfile("arn:a", "a", (ARN,), None, {}), ObservedProfile("arn:b", "b", (ARN,), "Own", {})]
    export = Exporter(settings).export(TARGET, observed, CATALOGUE)
    assert [(problem.file, problem.column) for problem in export.problems] == [("arn:a", "description")]
    assert [row["description"] for row in export.rows] == ["", "Own"]


def test_a_source_that_is_listed_no_more_is_told_with_its_arn() -> None:
    gone = ObservedProfile("arn:p", "team", (ARN, ARN.replace("us-east-1", "us-west-2")), None, {})
    export = Exporter(Settings()).export(TARGET, [gone], CATALOGUE)
    (problem,) = export.problems
    assert (export.rows, export.left_out, problem.file, problem.column) == ([], 1, "arn:p", "model")
    assert "nothing in us-east-1 lists just this" in str(problem)


def test_a_missing_tag_of_many_profiles_is_told_once() -> None:
    observed = [ObservedProfile(f"arn:{name}", name, (ARN,), None, {"Empty": ""}) for name in "abc"]
    export = Exporter(Settings(tags="exact")).export(TARGET, observed, CATALOGUE)
    (problem,) = export.problems
    assert "left out of arn:a and 2 more: it is empty" in problem.message
    assert problem.remedy == 'tags = "exact" would remove it'


def test_a_key_that_a_column_would_change_is_left_out() -> None:
    observed = [ObservedProfile("arn:a", "a", (ARN,), None, {"Cost  centre": "x", "Cost centre": "y"})]
    export = Exporter(Settings()).export(TARGET, observed, CATALOGUE)
    (problem,) = export.problems
    assert "spaces side by side" in problem.message
    assert {key for key in export.rows[0] if key.startswith("tag:")} == {"tag:Cost centre"}
