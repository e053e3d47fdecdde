"""What must hold for any request: a row is used whole or not at all, and what is used, AWS takes."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bulkprof.model import Request
from tests.factories import rules

WORDS = st.text(st.sampled_from("abAB01 _-.:/,\u00e9"), max_size=8)
MODELS = ["haiku", "nova", "haku", "a.b", "arn:aws:bedrock:us-east-1::foundation-model/a.b"]
REQUESTS = st.builds(
    Request,
    st.just("a.csv"),
    st.just(2),
    name=st.none() | WORDS.filter(bool),
    models=st.lists(st.sampled_from(MODELS), max_size=3, unique=True).map(tuple),
    description=st.none() | WORDS,
    accounts=st.lists(st.sampled_from(["111122223333", "444455556666", "1"]), max_size=2, unique=True).map(tuple),
    regions=st.lists(st.sampled_from(["us-east-1", "eu-west-1", "x"]), max_size=2, unique=True).map(tuple),
    tags=st.dictionaries(WORDS | st.just("bulkprof:estate"), WORDS | st.just("default"), max_size=3),
)


@given(REQUESTS)
@settings(max_examples=400, deadline=None)
def test_a_row_is_used_whole_or_not_at_all(request: Request) -> None:
    expansion = rules(account="111122223333", region="us-east-1").expand(request)
    if expansion.problems:
        assert expansion.profiles == ()
        assert all((problem.file, problem.line) == ("a.csv", 2) for problem in expansion.problems)
        return
    wanted = len(request.models) * max(1, len(request.accounts)) * max(1, len(request.regions))
    assert len(expansion.profiles) == wanted
    assert len({(profile.target, profile.name) for profile in expansion.profiles}) == wanted
    for profile in expansion.profiles:
        assert re.fullmatch(r"([0-9a-zA-Z][ _-]?){1,64}", profile.name)
        assert not profile.description or re.fullmatch(r"([0-9a-zA-Z:.][ _-]?)+", profile.description)
        assert profile.tags["bulkprof:estate"] == "default"
        for key, value in profile.tags.items():
            assert re.fullmatch(r"[a-zA-Z0-9\s._:/=+@-]{1,128}", key)
            assert re.fullmatch(r"[a-zA-Z0-9\s._:/=+@-]{0,256}", value)
