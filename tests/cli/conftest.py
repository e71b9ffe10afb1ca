"""Commands, run here."""

from collections.abc import Iterator

import pytest

from tests.support.commands import Command, commands_here


@pytest.fixture
def romashka(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run a command in this process."""
    with commands_here(monkeypatch, capsys) as run:
        yield run
