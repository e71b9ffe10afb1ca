"""Break the system under steady traffic, then let the checker decide.

    python -m bench.faults --turns 300 --faults 30 --seed 1

Ends with 1 where a promise was broken. The seed, which it prints, draws the same faults again, and
the history says what happened.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from bench.faults.checker import Report, check_folder, check_run
from bench.faults.run import Size, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=300, help="what customers ask")
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the same one, the same faults")
    parser.add_argument(
        "--pace", type=float, default=5.0, help="seconds from one fault to the next, on average"
    )
    parser.add_argument("--folder", type=Path, help="for the history, the logs and the rows")
    parser.add_argument("--check", type=Path, help="look again at the folder of a run of before")
    options = parser.parse_args()
    if options.check:
        finish(check_folder(options.check))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="romashka-faults-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # under root, Postgres runs as another account, inside of it
    size = Size(options.turns, options.faults, options.pace)

    logging.getLogger("mail.log").setLevel(logging.ERROR)  # a deprecation at each mail

    print(f"seed {options.seed}; the history is {folder / 'history.jsonl'}", flush=True)
    finish(asyncio.run(run(folder, size, options.seed, check_run)))


def finish(report: Report) -> NoReturn:
    """Show what was found, and end."""
    print(report.text())
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
