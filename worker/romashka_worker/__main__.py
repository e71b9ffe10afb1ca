"""The reply worker: `romashka worker`, or `python -m romashka_worker`."""

import sys
from importlib.util import find_spec

from romashka._pasted import BadSetting
from romashka._terminal import clean_line, say

from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.settings import Settings


def main() -> int:
    """Run a worker until SIGINT or SIGTERM; return the exit code."""
    try:
        return _main()
    except KeyboardInterrupt:  # while it was starting
        return 130


def _main() -> int:
    if find_spec("structlog") is None:  # no setting is of use without what the worker is made of
        raise ModuleNotFoundError("No module named 'structlog'", name="structlog")
    try:
        settings = Settings.from_environment()
        channels = ChannelSettings.from_environment()
        notifications = NotificationSettings.from_environment()
    except BadSetting as error:
        return _fail(str(error), 2)
    # All the rest takes most of a second to import: what is wrong with a setting is said before.
    from romashka_worker.logs import configure_logs
    from romashka_worker.work import CannotWork, work

    configure_logs(settings.log_level, for_people=sys.stdout.isatty())
    try:
        work(settings, channels, notifications)
    except CannotWork as error:
        return _fail(str(error), error.exit_code)
    return 0


def _fail(problem: str, exit_code: int) -> int:
    say(clean_line(f"unable to start the worker; {problem}"), to_errors=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
