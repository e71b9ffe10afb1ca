"""The stack that runs here: the project of a command that is told of no other."""

import os
from collections.abc import Mapping

from romashka._cli.problems import CommandError

_NAMES = {
    "SUPABASE_URL": "API_URL",
    "SUPABASE_ANON_KEY": "ANON_KEY",
    "SUPABASE_SERVICE_ROLE_KEY": "SERVICE_ROLE_KEY",
    "DATABASE_URL": "DB_URL",
}
"""How the worker and our commands name what a stack says about itself."""


def find_stack() -> Mapping[str, str] | None:
    """Return what the stack of this project says about itself; None where none runs."""
    try:
        from romashka._cli.status import running_stack

        return running_stack(None)
    except (ModuleNotFoundError, CommandError):
        return None


def as_environment(stack: Mapping[str, str]) -> dict[str, str]:
    """Return a stack's addresses and keys as settings of ours."""
    return {name: stack[said] for name, said in _NAMES.items()}


def use_stack() -> None:
    """Have the environment name the stack that runs here, where it names no project."""
    if not os.environ.get("SUPABASE_URL") and (stack := find_stack()):
        for name, value in as_environment(stack).items():
            if not os.environ.get(name):
                os.environ[name] = value


def which_project(key_name: str) -> str:
    """Return what to say where neither a setting nor a stack tells which project is meant."""
    return f"which project? set SUPABASE_URL and {key_name}, or start one: romashka start"
