"""The rows of the pacing table: what the server does, how many creates there are, and what came of a client in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.pacer import Pacer
from tests.simulation.clients import Lane, ProductionCaller, Tally
from tests.simulation.others import AdaptivePool, JitterPool, StandardPool
from tests.simulation.world import Limit, Loop, Network, TokenBucket


class Client(Protocol):
    """Anything that sends creates and keeps a tally."""

    tally: Tally

    @property
    def done(self) -> bool:
        """Whether every create has its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    name: str
    limit: Callable[[], Limit]
    calls: int
    clients: int = 1
    learned: LearnedRate | None = None
    headroom: float = 0.0
    caller: float = 0.0
    """Calls per second of a production caller beside the run."""
    latency: tuple[float, float] = (0.08, 0.12)
    workers: int = 10
    """Of the pools that bulkprof is compared with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one simulation."""

    efficiency: float
    throttles: float
    """Per 1,000 accepted."""
    failed: int
    share: float
    """The first client's part of what was accepted while all clients had work."""
    caller_throttled: float
    """The part of the production caller's calls that were throttled."""
    seconds: float


Maker = Callable[[Scenario, Network, int, float], Client]


def bucket(rate: float, burst: float, *, then: float | None = None, cost: float = 0.0) -> Callable[[], Limit]:
    """A token bucket of `rate` a second, changing to `then` after 60 s; throttled calls take `cost`."""
    rates = [(0.0, rate)] if then is None else [(0.0, rate), (60.0, then)]
    return lambda: TokenBucket(rates, burst, cost)


def simulate(scenario: Scenario, make: Maker, seed: int) -> Result:
    """Run one scenario to its end."""
    loop = Loop()
    limit = scenario.limit()
    network = Network(loop, limit, seed, scenario.latency)
    clients = [make(scenario, network, seed + 7 * n, 0.013 * n * seed) for n in range(scenario.clients)]
    caller: ProductionCaller | None = None
    if scenario.caller:
        caller = ProductionCaller(network, scenario.caller, lambda: all(client.done for client in clients), seed)
    taken = [0] * len(clients)

    def watch() -> None:
        if not any(client.done for client in clients):
            taken[:] = [client.tally.accepted for client in clients]
            loop.at(loop.now + 1.0, watch)

    loop.at(0.0, watch)
    loop.run()
    accepted = sum(client.tally.accepted for client in clients)
    first = min(client.tally.first for client in clients)
    last = max(client.tally.last for client in clients)
    return Result(
        efficiency=(accepted - limit.burst) / limit.allowed(first, last),
        throttles=1000.0 * sum(client.tally.throttled for client in clients) / accepted,
        failed=sum(client.tally.failed for client in clients),
        share=taken[0] / max(1, sum(taken)),
        caller_throttled=caller.tally.throttled / (caller.tally.throttled + caller.tally.accepted) if caller else 0.0,
        seconds=last - first,
    )


def ours(scenario: Scenario, network: Network, seed: int, start: float) -> Client:
    """A lane with a pacer."""
    pacer = Pacer(learned=scenario.learned, headroom=scenario.headroom)
    return Lane(network, pacer, scenario.calls, start=start)


def standard(scenario: Scenario, network: Network, seed: int, start: float) -> Client:
    """The SDK's standard retries."""
    return StandardPool(network, scenario.calls, seed, start=start, workers=scenario.workers)


def adaptive(scenario: Scenario, network: Network, seed: int, start: float) -> Client:
    """The SDK's adaptive retries."""
    return AdaptivePool(network, scenario.calls, seed, start=start, workers=scenario.workers)


def jitter(scenario: Scenario, network: Network, seed: int, start: float) -> Client:
    """Plain tenacity jitter over a pool of workers."""
    return JitterPool(network, scenario.calls, seed, start=start, workers=scenario.workers)


TABLE = [
    Scenario("20/s, burst 40", bucket(20, 40), 600),
    Scenario("5/s, burst 10", bucket(5, 10), 1500),
    Scenario("100/s, burst 100", bucket(100, 100), 5000, workers=50),
    Scenario("0.3/s, burst 2", bucket(0.3, 2), 100),
    Scenario("4 to 10/s after 60 s", bucket(4, 10, then=10), 1500),
    Scenario("10 to 4/s after 60 s", bucket(10, 10, then=4), 1500),
    Scenario("10/s, throttles cost allowance", bucket(10, 20, cost=1.0), 1500),
    Scenario("two runs share 10/s", bucket(10, 20), 1000, clients=2),
    Scenario("20/s, warm start", bucket(20, 40), 600, learned=LearnedRate(20, 40, 0)),
    Scenario("5/s, warm start", bucket(5, 10), 1500, learned=LearnedRate(5, 10, 0)),
    Scenario("100/s, warm start", bucket(100, 100), 5000, workers=50, learned=LearnedRate(100, 100, 0)),
    Scenario("10/s, headroom 30 %, caller at 3/s", bucket(10, 20), 1500, headroom=0.3, caller=3.0),
]
