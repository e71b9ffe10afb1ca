"""The curves of a soak as one picture: a panel for each gauge, from zero to its most."""

from collections.abc import Sequence
from html import escape

from bench.soak.gauges import Reading

_WIDTH, _HEIGHT, _GAP, _COLUMNS = 320, 90, 46, 3
_STYLE = "text{font:12px sans-serif;fill:#444}polyline{fill:none;stroke:#1f6a4a;stroke-width:1.5}"


def draw(readings: Sequence[Reading]) -> str:
    """Return an SVG of all gauges over time."""
    names = list(readings[-1]["values"])
    rows = -(-len(names) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _GAP) + _GAP
    panels = [
        _panel(name, readings, _GAP + place % _COLUMNS * (_WIDTH + _GAP), place // _COLUMNS)
        for place, name in enumerate(names)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(name: str, readings: Sequence[Reading], left: int, row: int) -> str:
    top = _GAP + row * (_HEIGHT + _GAP)
    points = [(each["minute"], each["values"][name]) for each in readings if name in each["values"]]
    most, lasts = max(value for _, value in points) or 1, points[-1][0]
    line = " ".join(
        f"{left + minute / lasts * _WIDTH:.1f},{top + _HEIGHT - value / most * _HEIGHT:.1f}"
        for minute, value in points
    )
    return (
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="#f6f5f1"/>'
        f'<text x="{left}" y="{top - 6}">{escape(name)}: at most {most:.4g}</text>'
        f'<text x="{left + _WIDTH}" y="{top + _HEIGHT + 14}" text-anchor="end">'
        f"{lasts:.4g} min</text>"
        f'<polyline points="{line}"/>'
    )
