"""Let customers write for a while, and see that memory, handles, connections and bloat stay flat.

    python -m bench.soak --minutes 30 --folder soak

Prints each gauge's median of the second quarter of the time and of the last one, and ends with 1
where one grew. The folder gets the figures (`soak.json`) and the curves (`soak.svg`).
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.faults import traffic
from bench.faults.history import History
from bench.faults.run import let_write
from bench.faults.system import open_system
from bench.soak.curves import draw
from bench.soak.gauges import Gauges, Reading, open_gauges

_SAMPLES = 120
_LEAST_SECONDS = 2.0
_GROWTH = 0.10
_SLACK = {"MB": 8.0, "handles": 8.0, "connections": 4.0, "%": 10.0, "nodes": 200.0}
"""What is no growth: a cache that fills, a connection more at that moment, a vacuum that is due."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--turns-a-minute", type=float, default=60, help="what customers ask")
    parser.add_argument("--folder", type=Path, help="for the figures, the curves and the logs")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="romashka-soak-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # under root, Postgres runs as another account, inside of it
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # a deprecation at each mail
    readings = asyncio.run(soak(folder, options.minutes, options.turns_a_minute))
    rows = judge(readings)
    told = {
        "machine": f"{platform.platform()}, {os.cpu_count()} processors",
        "minutes": options.minutes,
        "turns_a_minute": options.turns_a_minute,
        "gauges": rows,
        "readings": readings,
    }
    (folder / "soak.json").write_text(json.dumps(told, indent=1))
    (folder / "soak.svg").write_text(draw(readings))
    show(rows)
    print(f"figures and curves are in {folder}")
    sys.exit(0 if all(row["is_flat"] for row in rows) else 1)


async def soak(folder: Path, minutes: float, turns_a_minute: float) -> list[Reading]:
    """Run the whole system for so long; return what was read of it."""
    seed = random.randrange(10**6)
    turns = max(1, round(minutes * turns_a_minute))
    with History(folder / "history.jsonl") as history:
        async with open_system(folder, history, seed) as system, open_gauges(system) as gauges:
            await traffic.open_accounts(system)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(_read(gauges, minutes * 60))
                tasks.create_task(let_write(system, turns, seed, minutes * 60))
            return reading.result()


async def _read(gauges: Gauges, seconds: float) -> list[Reading]:
    pause = max(_LEAST_SECONDS, seconds / _SAMPLES)
    readings = []
    for number in range(int(seconds / pause)):
        await asyncio.sleep(pause)
        readings.append(await gauges.read((number + 1) * pause / 60))
    return readings


def judge(readings: Sequence[Reading]) -> list[dict[str, object]]:
    """Return what each gauge was in the second quarter and in the last, and whether it grew."""
    rows: list[dict[str, object]] = []
    for name in readings[-1]["values"]:
        values = [reading["values"][name] for reading in readings if name in reading["values"]]
        quarter = max(1, len(values) // 4)
        before, after = median(values[quarter : 2 * quarter] or values), median(values[-quarter:])
        limit = before * (1 + _GROWTH) + _SLACK[name.rsplit(", ")[-1]]
        rows.append(
            {"name": name, "before": before, "after": after, "most": max(values)}
            | {"limit": limit, "is_flat": after <= limit}
        )
    return rows


def show(rows: Sequence[dict[str, object]]) -> None:
    """Print them; what grew has a mark."""
    print(f"{'':40}{'2nd quarter':>12}{'last':>10}{'most':>10}")
    for row in rows:
        mark = "" if row["is_flat"] else f"  grew: at most {row['limit']:.1f}"
        print(
            f"{row['name']:40}{row['before']:>12.1f}{row['after']:>10.1f}{row['most']:>10.1f}{mark}"
        )


if __name__ == "__main__":
    main()
