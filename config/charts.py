"""Geometry of the small charts: numbers in, SVG coordinates out. Drawing is the business of `templates/ui/chart.html`."""

from math import ceil, floor, log10


def ticks(top: float, count: int = 4) -> list[float]:
    """Round axis marks from 0 to at least `top`, about `count` steps of 1, 2, 2.5 or 5 times a power of ten."""
    if top <= 0:
        return [0, 1]
    power = 10 ** floor(log10(top / count))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power * count >= top)
    return [_neat(step * i) for i in range(ceil(_neat(top / step)) + 1)]


def points(values: list[float | None], top: float, width: float = 1000, height: float = 156) -> str:
    """SVG polyline points of evenly spaced values; 0 lies at `height`, `top` at 0, and None leaves a point out."""
    return " ".join(f"{x:g},{y:g}" for x, y in _places(values, top, width, height))


def area(values: list[float | None], top: float, width: float = 1000, height: float = 156) -> str:
    """SVG path of the area below the same line; empty without a value."""
    places = _places(values, top, width, height)
    if not places:
        return ""
    line = " ".join(f"L{x:g},{y:g}" for x, y in places)
    return f"M{places[0][0]:g},{height:g} {line} L{places[-1][0]:g},{height:g}z"


def _places(values, top, width, height):
    step = width / max(len(values) - 1, 1)
    return [
        (round(i * step, 1), round(height - height * value / (top or 1), 1))
        for i, value in enumerate(values)
        if value is not None
    ]


def _neat(value: float) -> float:
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded
