"""Functions of a test's project, written to disk as a developer would."""

from collections.abc import Mapping
from pathlib import Path

HELLO = "Deno.serve(() => new Response('hello'));"


def write_functions(project_dir: Path, sources: Mapping[str, str]) -> None:
    """Write `sources`, by path below `functions/`; a bare name is a function's slug."""
    for path, text in sources.items():
        file = project_dir / "functions" / (path if "." in path else f"{path}/index.ts")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
