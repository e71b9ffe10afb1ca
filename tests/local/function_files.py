"""Functions of a test's project, written to disk as a developer would, and their processes."""

from collections.abc import Mapping
from pathlib import Path

import psutil

HELLO = "Deno.serve(() => new Response('hello'));"


def deno_processes() -> list[psutil.Process]:
    """Return the functions' processes that this one has started."""
    return [child for child in psutil.Process().children() if "deno" in child.name()]


def write_functions(project_dir: Path, sources: Mapping[str, str]) -> None:
    """Write `sources`, by path below `functions/`; a bare name is a function's slug."""
    for path, text in sources.items():
        file = project_dir / "functions" / (path if "." in path else f"{path}/index.ts")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
