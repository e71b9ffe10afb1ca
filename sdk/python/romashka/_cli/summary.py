"""What a person reads about a running stack."""

from collections.abc import Mapping

from rich.text import Text

from romashka._terminal import open_console

_LABELS = {
    "API_URL": "API",
    "DB_URL": "Postgres",
    "PUBLISHABLE_KEY": "publishable key",
    "SECRET_KEY": "secret key",
    "ANON_KEY": "anon key",
    "SERVICE_ROLE_KEY": "service_role key",
    "JWT_SECRET": "JWT secret",
}


def print_summary(state: Mapping[str, str]) -> None:
    """Print the addresses and the keys, each in one line: whoever copies a key copies all of it."""
    console = open_console(soft_wrap=True)
    console.print("The local stack is ready; Ctrl-C stops it.", style="bold")
    for name, label in _LABELS.items():
        console.print(Text.assemble((f"{label:<18}", "dim"), state[name]))
