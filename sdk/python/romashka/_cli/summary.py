"""What a person reads about a running stack."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

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
    """Print the addresses and the keys."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, label in _LABELS.items():
        table.add_row(label, state[name])
    console = Console(highlight=False)
    console.print("The local stack is ready; Ctrl-C stops it.", style="bold")
    console.print(table)
