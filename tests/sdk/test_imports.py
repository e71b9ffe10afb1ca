"""What knows what: neither in the SDKs nor in the worker does a part know one that knows it."""

import re
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SDK = Path(__file__).parents[2] / "sdk"
WORKER = Path(__file__).parents[2] / "worker" / "romashka_worker"


def python_imports() -> Iterator[tuple[str, set[str]]]:
    """Yield each private module of the Python SDK, and those that it imports, types included."""
    for file in (SDK / "python" / "romashka").glob("_*.py"):
        if file.stem != "__init__":
            text = file.read_text()
            yield file.stem, set(re.findall(r"^\s*from romashka\.(_\w+) import", text, re.M))


def typescript_imports() -> Iterator[tuple[str, set[str]]]:
    """Yield each module of the TypeScript SDK, and those that it imports, types included."""
    for file in (SDK / "typescript" / "src").rglob("*.ts"):
        named = re.findall(r"from \"(\.[^\"]+)\.js\"", file.read_text())
        yield str(file), {str((file.parent / name).resolve()) + ".ts" for name in named}


def worker_imports() -> Iterator[tuple[str, set[str]]]:
    """Yield each module of the worker, and those that it imports when it is loaded."""
    for file in WORKER.rglob("*.py"):
        path = file.relative_to(WORKER.parent).with_suffix("")
        name = ".".join(path.parts).removesuffix(".__init__")
        found = re.findall(r"^from (romashka_worker[\w.]*) import", file.read_text(), re.M)
        yield name, set(found) - {name}


@pytest.mark.parametrize("imports", [python_imports, typescript_imports, worker_imports])
def test_no_part_knows_one_that_knows_it(
    imports: Callable[[], Iterator[tuple[str, set[str]]]],
) -> None:
    """Features know the core, and the client knows the features: a widget takes what it needs."""
    graph = dict(imports())

    assert len(graph) > 30
    assert list(TopologicalSorter(graph).static_order())
