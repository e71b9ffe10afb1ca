"""`romashka` in the tests' own process: most of the time of a command is its start."""

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from romashka._cli import main

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "DATABASE_URL")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    exit_code: object
    output: str
    errors: str


Command = Callable[..., Done]


@contextmanager
def commands_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Give a function that runs a command, with the settings that it is given and no others."""

    def run(*command: str, typed: str = "", **settings: str) -> Done:
        before = dict(os.environ)
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(_OURS)]:
                patch.delenv(name)
            for name, value in settings.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["romashka", *command])
            patch.setattr("sys.stdin", io.StringIO(typed))
            with pytest.raises(SystemExit) as ended:
                main()
        for name in os.environ.keys() - before.keys():  # what it took from the stack that runs here
            del os.environ[name]
        # Where nothing goes wrong, some commands end without an exit code.
        return Done(ended.value.code or 0, *capsys.readouterr())

    try:
        yield run
    finally:
        logging.disable(logging.NOTSET)  # commands switch it off
