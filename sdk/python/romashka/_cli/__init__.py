"""The command `romashka`: each command imports what it needs when it runs."""

import sys
import traceback
from typing import NoReturn

# Which extra brings what a command needs; `local` has it all but the worker.
_EXTRAS = {
    "dev": "worker,local",
    "worker": "worker",
    "doctor": "worker,migrate",
    "replay": "worker",
    "eval": "worker,local",
    "migrate": "migrate",
    "migrations": "migrate",
    "staff": "migrate",
    **dict.fromkeys(
        "channels chat conversations customers identity inbox knowledge".split()
        + "metrics send tail webhooks".split(),
        "cli",
    ),
}

_INTERRUPTED = 130
"""As shells call it."""


def main() -> None:
    """Run the command line; end with one clear line for what a user can mend.

    The exit code is then 1, or 2 where a setting or the command itself is wrong; after Ctrl-C 130.
    """
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 -- the last one who can hide what an error quotes
        _crash(error)


def _run() -> None:
    try:
        from typer.exceptions import Abort, TyperException

        from romashka._cli.app import app
        from romashka._cli.problems import CommandError
        from romashka._pasted import BadSetting

        try:
            sys.exit(app(standalone_mode=False))
        except CommandError as problem:
            _fail(str(problem), problem.exit_code)
        except BadSetting as problem:
            _fail(str(problem), 2)
        except TyperException as problem:  # of how it was called; it quotes what it was called with
            _fail(f"{problem.format_message()} See --help.", problem.exit_code)
        except Abort as abort:
            if isinstance(abort.__cause__, KeyboardInterrupt):
                sys.exit(_INTERRUPTED)
            _fail("aborted", 1)
    except ModuleNotFoundError as missing:
        package = (missing.name or "romashka").partition(".")[0]
        if package == "romashka":
            raise
        extra = _EXTRAS.get(next(iter(sys.argv[1:]), ""), "local")
        _fail(f"{package} is not installed; pip install 'romashka[{extra}]'", 1)


def _fail(line: str, exit_code: int) -> NoReturn:
    from romashka._terminal import clean_line, say

    say(f"romashka: {clean_line(line)}", to_errors=True)
    sys.exit(exit_code)


def _crash(error: Exception) -> NoReturn:
    """Show where what nobody thought of went wrong."""
    from romashka._terminal import put

    put("".join(traceback.format_exception(error)), to_errors=True)
    sys.exit(1)
