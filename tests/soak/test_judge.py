"""The soak says of a gauge that it grew, where it did."""

from bench.soak.__main__ import judge
from bench.soak.curves import draw
from bench.soak.gauges import Reading


def readings(**gauges: list[float]) -> list[Reading]:
    count = len(next(iter(gauges.values())))
    return [
        {
            "minute": minute / 2,
            "values": {f"{name}, MB": values[minute] for name, values in gauges.items()},
        }
        for minute in range(count)
    ]


def test_a_leak_is_found_and_a_cache_that_fills_is_none() -> None:
    """The first quarter is nobody's: everything is loaded then."""
    leaks = [100.0 + minute for minute in range(60)]
    fills = [min(100.0 + 10 * minute, 200) for minute in range(60)]
    swings = [100.0 + 40 * (minute % 7 == 0) for minute in range(60)]

    rows = judge(readings(leaks=leaks, fills=fills, swings=swings))

    assert {row["name"]: row["is_flat"] for row in rows} == {
        "leaks, MB": False,
        "fills, MB": True,
        "swings, MB": True,
    }


def test_a_gauge_that_begins_late_is_drawn() -> None:
    """A worker that is not there yet has no memory."""
    late = readings(stack=[1.0, 2.0, 3.0])
    late[-1]["values"]["worker, MB"] = 5.0

    assert draw(late).count("<polyline") == 2
