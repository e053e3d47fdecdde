"""Draws docs/assets/pacing.svg: what becomes of calls in simulation, paced by bulkprof and retried by the SDK.

`.venv/bin/python -m tools.site.pacing` writes it; a test holds that it is what the pacer does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.clients import Tally
from tests.simulation.scenarios import Maker, Scenario, adaptive, bucket, ours, standard
from tests.simulation.world import Loop, Network

FILE = Path(__file__).parents[2] / "docs" / "assets" / "pacing.svg"
SCENARIO = Scenario("10/s, then 4/s after 60 s", bucket(10, 20, then=4), 900)
CLIENTS: tuple[tuple[str, Maker], ...] = (
    ("bulkprof", ours),
    ("the SDK's adaptive retries, 10 workers", adaptive),
    ("the SDK's standard retries, 10 workers", standard),
)
SEED = 1
SECONDS = 140
_WIDTH, _HEIGHT, _LEFT, _TOP = 700.0, 150.0, 44.0, 40.0
_MOST = 24.0
"""Calls a second at the top of a panel."""


@dataclass
class _Recorded(Tally):
    """A tally that keeps what was taken and what was throttled, second by second."""

    taken: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)

    def note(self, now: float, taken: bool) -> None:  # noqa: FBT001 - as the tally has it
        """Count an answer."""
        super().note(now, taken)
        (self.taken if taken else self.refused)[int(now)] += 1


def picture() -> str:
    """Return the picture as SVG."""
    panels = [(title, _simulated(make)) for title, make in CLIENTS]
    height = len(panels) * (_HEIGHT + _TOP) + 44
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + _LEFT + 10:g} {height:g}" role="img" '
        'font-family="sans-serif" font-size="12">',
        "<title>Calls a second, paced by bulkprof and retried by the SDK, where AWS allows 10 and then 4</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for place, (title, tally) in enumerate(panels):
        lines += _panel(title, tally, _TOP + place * (_HEIGHT + _TOP))
    lines.append(f'<text x="{_LEFT:g}" y="{height - 8:g}">seconds; dashed: what AWS allows</text>')
    return "\n".join([*lines, "</svg>", ""])


def _simulated(make: Maker) -> _Recorded:
    loop = Loop()
    network = Network(loop, SCENARIO.limit(), SEED, SCENARIO.latency)
    client = make(SCENARIO, network, SEED, 0.0)
    client.tally = _Recorded()
    loop.run()
    return client.tally


def _panel(title: str, tally: _Recorded, top: float) -> Iterator[str]:
    ground = top + _HEIGHT
    became = f"{tally.throttled} calls throttled, {tally.failed} given up"
    yield f'<text x="{_LEFT:g}" y="{top - 8:g}" font-weight="bold">{title}: {became}</text>'
    for rate in range(0, int(_MOST) + 1, 6):
        yield f'<path d="M{_LEFT:g} {_y(rate, ground):.1f}h{_WIDTH:g}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6:g}" y="{_y(rate, ground) + 4:.1f}" text-anchor="end">{rate}/s</text>'
    for second in range(0, SECONDS + 1, 20):
        yield f'<text x="{_x(second):.1f}" y="{ground + 14:.1f}" text-anchor="middle">{second}</text>'
    step = _WIDTH / SECONDS
    for counts, below, colour in ((tally.taken, Counter[int](), "#2b7bba"), (tally.refused, tally.taken, "#d1495b")):
        bars = "".join(
            f"M{_x(second):.1f} {_y(below[second], ground):.1f}h{step:.1f}"
            f"V{_y(below[second] + counts[second], ground):.1f}h-{step:.1f}z"
            for second in range(SECONDS)
            if counts[second]
        )
        yield f'<path d="{bars}" fill="{colour}"/>'
    yield (
        f'<path d="M{_LEFT:g} {_y(10, ground):.1f}H{_x(60):.1f}V{_y(4, ground):.1f}H{_x(SECONDS):.1f}" '
        'fill="none" stroke="#222" stroke-dasharray="5 3"/>'
    )


def _x(second: float) -> float:
    return _LEFT + second * _WIDTH / SECONDS


def _y(rate: float, ground: float) -> float:
    return ground - min(rate, _MOST) * _HEIGHT / _MOST


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
