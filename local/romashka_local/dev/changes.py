"""What a saved file means for what runs, by the place where it is."""

from collections.abc import AsyncGenerator, Iterable
from enum import Enum, auto
from pathlib import Path

from watchfiles import DefaultFilter, awatch


class Kind(Enum):
    """What is to be done about a change."""

    DATABASE = auto()
    FUNCTIONS = auto()
    STACK = auto()
    WORKER = auto()


class Sources:
    """The folders that what runs is made of."""

    def __init__(self, supabase: Path, programs: Iterable[Path]) -> None:
        """Take the project's `supabase` folder, and the packages that a worker is made of."""
        self._supabase = supabase.resolve()
        self._programs = tuple(folder.resolve() for folder in programs)

    async def changes(self) -> AsyncGenerator[dict[Kind, set[Path]]]:
        """Yield what was saved, sorted; what is saved at about the same time together."""
        folders = [folder for folder in (self._supabase, *self._programs) if folder.is_dir()]
        async for changes in awatch(*folders, watch_filter=DefaultFilter()):
            sorted_: dict[Kind, set[Path]] = {}
            for _, name in changes:
                if (kind := self.kind(Path(name))) is not None:
                    sorted_.setdefault(kind, set()).add(Path(name))
            if sorted_:
                yield sorted_

    def kind(self, path: Path) -> Kind | None:
        """Return what follows from a change of this file; None: nothing."""
        if path.is_relative_to(self._supabase):
            return self._kind_in_supabase(path.relative_to(self._supabase))
        if any(path.is_relative_to(folder) for folder in self._programs):
            return Kind.WORKER if path.suffix in (".py", ".json", ".toml") else None
        return None

    def function_of(self, path: Path) -> str:
        """Return which function a file belongs to; `_shared` and the like belong to all."""
        name = path.relative_to(self._supabase / "functions").parts[0]
        is_one = (self._supabase / "functions" / name).is_dir() and not name.startswith(("_", "."))
        return name if is_one else "all"

    @staticmethod
    def _kind_in_supabase(path: Path) -> Kind | None:
        if path.parts[0] == "functions":
            return Kind.FUNCTIONS
        if path.parts[0] in ("migrations", "repeatable"):
            return Kind.DATABASE if path.suffix == ".sql" else None
        return Kind.STACK if path == Path("config.toml") else None
