"""The command `romashka`: each command imports what it needs when it runs."""

import sys

# Which extra brings what a command needs; `local` has it all but the worker.
_EXTRAS = {
    "worker": "worker",
    "doctor": "worker,migrate",
    "replay": "worker",
    "eval": "worker,local",
    "migrate": "migrate",
    "migrations": "migrate",
    "staff": "migrate",
    **dict.fromkeys(
        ("channels", "chat", "inbox", "knowledge", "metrics", "send", "tail", "webhooks"), "cli"
    ),
}


def main() -> None:
    """Run the command line; end with one clear line and exit code 1 for what a user can mend."""
    try:
        from romashka._cli.app import app
        from romashka._cli.problems import CommandError

        try:
            app()
        except CommandError as problem:
            _fail(str(problem))
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "romashka":
            raise
        extra = _EXTRAS.get(next(iter(sys.argv[1:]), ""), "local")
        _fail(f"{missing.name} is not installed; pip install 'romashka[{extra}]'")


def _fail(line: str) -> None:
    from romashka._secrets import hide_secrets
    from romashka._terminal import clean_line, say

    say(f"romashka: {hide_secrets(clean_line(line))}", to_errors=True)
    sys.exit(1)
