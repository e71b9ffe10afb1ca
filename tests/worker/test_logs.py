"""What others say through our logs: that they spoke, and where."""

import json
import subprocess
import sys

SCRIPT = """
import logging
from romashka_worker.logs import configure_logs

configure_logs("debug")
log = logging.getLogger("a.library")
log.debug("in-private")
log.log(35, "in-private")
try:
    raise KeyError("in-private")
except KeyError:
    log.exception("in-private")
raise ExceptionGroup("in-private", [ValueError("in-private")])
"""


def test_libraries_and_crashes_are_logged_without_their_words() -> None:
    """A library quotes what it sends; the message of an exception what it could not read."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [(line["event"], line["level"], line.get("logger"), line.get("error")) for line in lines]

    assert told == [
        ("library.logged", "warning", "a.library", None),
        ("library.logged", "error", "a.library", "KeyError"),
        ("worker.crashed", "critical", None, "ValueError"),
    ]
    assert "in-private" not in done.stdout + done.stderr
    assert done.returncode == 1
