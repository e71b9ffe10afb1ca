"""The commands of `romashka`; each module imports what it needs only when its command runs."""

from importlib.metadata import version
from typing import Annotated

import typer

from romashka._cli import (
    channels,
    chat,
    conversations,
    customers,
    database,
    demo,
    dev,
    doctor,
    eval,
    identity,
    inbox,
    knowledge,
    metrics,
    migrate,
    migrations,
    notifications,
    replay,
    send,
    settings,
    staff,
    start,
    status,
    tail,
    webhooks,
    worker,
)
from romashka._terminal import say

app = typer.Typer(
    name="romashka",
    help="Turns a Supabase project into an AI customer-messaging inbox.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        say(f"romashka {version('romashka')}")
        raise typer.Exit


@app.callback()
def romashka(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Turns a Supabase project into an AI customer-messaging inbox."""


app.command("dev")(dev.dev)
app.command("start")(start.start)
app.command("status")(status.status)
app.command("migrate")(migrate.migrate)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay)
app.command("eval")(eval.evaluate)
app.command("demo")(demo.demo)
app.command("chat")(chat.chat)
app.command("inbox")(inbox.inbox)
app.command("send")(send.send)
app.command("tail")(tail.tail)
app.command("metrics")(metrics.metrics)
app.add_typer(conversations.app, name="conversations")
app.add_typer(customers.app, name="customers")
app.add_typer(channels.app, name="channels")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(database.app, name="db")
app.add_typer(settings.app, name="settings")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(migrations.app, name="migrations")
app.add_typer(notifications.app, name="notifications")
app.add_typer(staff.app, name="staff")
app.add_typer(identity.app, name="identity")
