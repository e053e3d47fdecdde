"""What a pacer promises whatever the server does."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacer import CATCH_UP, Pacer

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["start", "accept", "throttle", "retry-after"]),
        st.floats(0, 30, allow_nan=False),
    ),
    max_size=200,
)


def _send(pacer: Pacer, now: float, calls: int, latency: float = 0.1) -> float:
    """Send calls one after the other, all accepted; the time when the last answer came."""
    for _ in range(calls):
        now += pacer.wait(now)
        pacer.started(now)
        pacer.accepted(now + latency, now)
    return now + latency


@given(EVENTS, st.floats(0, 0.9), st.booleans())
def test_any_order_of_events_keeps_waits_finite_and_rates_positive(
    events: list[tuple[str, float]], headroom: float, warm: bool
) -> None:
    pacer = Pacer(learned=LearnedRate(10, 20, 0) if warm else None, headroom=headroom)
    now, sent = 1000.0, [1000.0]
    for what, seconds in events:
        now += seconds
        match what:
            case "start":
                pacer.started(now)
                sent.append(now)
            case "accept":
                pacer.accepted(now, sent.pop() if len(sent) > 1 else sent[0])
            case "throttle":
                pacer.throttled(now, sent.pop() if len(sent) > 1 else sent[0])
            case _:
                pacer.throttled(now, sent[0], retry_after=seconds)
        assert 0.0 <= pacer.wait(now) < float("inf")
        assert pacer.estimate is None or 0.0 < pacer.estimate < float("inf")


def test_starts_at_once_and_grows_while_nothing_is_throttled() -> None:
    pacer = Pacer()
    assert pacer.wait(5.0) == 0.0
    assert pacer.estimate is None
    now = _send(pacer, 5.0, 200)
    pacer.started(now)
    assert pacer.wait(now) < 0.02


def test_throttles_of_calls_in_flight_at_once_are_one_cut() -> None:
    pacer = Pacer()
    now = _send(pacer, 0.0, 40)
    pacer.throttled(now, now - 0.1)
    rate, wait = pacer.estimate, pacer.wait(now)
    for late in range(20):
        pacer.throttled(now + 0.001 * late, now - 0.05)
    assert pacer.estimate == rate
    assert pacer.wait(now) == wait


@given(st.floats(0.5, 120))
def test_retry_after_is_honoured(seconds: float) -> None:
    pacer = Pacer()
    now = _send(pacer, 0.0, 30)
    pacer.throttled(now, now - 0.1, retry_after=seconds)
    assert pacer.wait(now) >= seconds - 1e-9
    # Also when it comes with a later throttle of the same epoch.
    pacer.throttled(now + 0.01, now - 0.05, retry_after=seconds + 5)
    assert pacer.wait(now) >= seconds + 5 - 1e-9


def test_an_idle_lane_saves_up_no_burst() -> None:
    pacer = Pacer(learned=LearnedRate(10, 1, 0))
    now = _send(pacer, 0.0, 50) + 600.0
    sent = 0
    while pacer.wait(now) == 0.0:
        pacer.started(now)
        sent += 1
    gap = pacer.wait(now)
    assert sent <= 1 + CATCH_UP / gap + 1
    assert sent < 10, "ten minutes at ten a second would be 6,000"


def test_a_first_throttle_after_a_long_rest_is_no_reason_to_wait_for_long() -> None:
    pacer = Pacer()
    pacer.started(0.0)
    pacer.accepted(0.1, 0.0)
    pacer.started(7200.0)
    pacer.throttled(7200.1, 7200.0)
    assert pacer.wait(7200.1) < 100.0


def test_headroom_leaves_its_share() -> None:
    pacer = Pacer(learned=LearnedRate(10, 1, 0), headroom=0.3)
    now = 0.0
    pacer.started(now)
    pacer.throttled(0.1, 0.0)
    start = now = 0.1 + pacer.wait(0.1)
    for _ in range(100):
        now += pacer.wait(now)
        pacer.started(now)
        pacer.accepted(now + 0.1, now)
    assert 100 / (now - start) == pytest.approx(7.0, rel=0.05)
    assert pacer.estimate == pytest.approx(10.0)


@pytest.mark.parametrize("headroom", [-0.1, 1.0, 2.0])
def test_headroom_outside_its_range_is_refused(headroom: float) -> None:
    with pytest.raises(ValueError, match="headroom"):
        Pacer(headroom=headroom)


def test_a_warm_start_goes_at_the_known_rate() -> None:
    pacer = Pacer(learned=LearnedRate(50, 10, 0))
    assert pacer.estimate == 50
    now = _send(pacer, 0.0, 500)
    assert now < 10.0


def test_a_pair_of_throttles_gives_the_rate() -> None:
    pacer = Pacer()
    now = _send(pacer, 0.0, 30)
    pacer.throttled(now, now - 0.1)
    begin = now
    now = _send(pacer, now, 40)
    pacer.throttled(now, now - 0.1)
    assert pacer.estimate == pytest.approx(40 / (now - begin), rel=0.1)


def test_what_was_learned_survives_json() -> None:
    pacer = Pacer()
    assert pacer.learned(1.0) is None
    now = _send(pacer, 0.0, 30)
    pacer.throttled(now, now - 0.1)
    assert pacer.learned(1.0) is None, "a guess isn't worth keeping"
    now = _send(pacer, now, 30)
    pacer.throttled(now, now - 0.1)
    learned = pacer.learned(1.7e9)
    assert learned is not None
    assert LearnedRate(**json.loads(json.dumps(asdict(learned)))) == learned
    assert Pacer(learned=learned).estimate == pacer.estimate


def test_an_outage_says_nothing_about_the_rate() -> None:
    pacer = Pacer(learned=LearnedRate(10, 1, 0))
    now = _send(pacer, 0.0, 5)
    pacer.throttled(now, now - 0.1)
    now = _send(pacer, now, 40)
    for _ in range(8):
        now += pacer.wait(now)
        pacer.started(now)
        pacer.throttled(now + 0.1, now)
        now += 0.1
    assert pacer.wait(now) > 1.0
    now = _send(pacer, now, 10)
    begin = now
    now = _send(pacer, now, 20)
    assert 20 / (now - begin) == pytest.approx(10.0, rel=0.15)
    assert pacer.estimate == pytest.approx(10.0, rel=0.05)
