"""Traces the columns of views back to the keys of the tables beneath them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from romashka_local.rest.catalog import QualifiedName, Relationship

ColumnsShown = Mapping[str, Sequence[str]]
"""By column of a table the columns of a view that show it."""

_TARGET = re.compile(
    r":resno (?P<number>\d+) :resname (?:\\.|\S)+ :ressortgroupref \d+"
    r" :resorigtbl (?P<table>\d+) :resorigcol (?P<column>\d+) :resjunk false"
)
_BRACE_OR_TARGETS = re.compile(r"\\.|[{}]|:targetList|:resno \d+ .*?:resjunk \w+")


@dataclass(frozen=True, slots=True)
class ViewKeys:
    """Which view shows which columns of which table, through views of views too."""

    shown: Mapping[QualifiedName, Sequence[tuple[QualifiedName, ColumnsShown]]] = field(
        default_factory=dict
    )
    """By table: the views and what they show of it."""

    def relationships(self, direct: Iterable[Relationship]) -> list[Relationship]:
        """Return the relationships between views and tables, and between views, that follow."""
        return [found for each in direct for found in self._of(each)]

    def _of(self, direct: Relationship) -> Iterator[Relationship]:
        near_columns = [near for near, _ in direct.columns]
        far_columns = [far for _, far in direct.columns]
        near_views = self._choices(direct.table, near_columns)
        far_views = self._choices(direct.foreign_table, far_columns)
        for view, columns in near_views:
            pairs = tuple(zip(columns, far_columns, strict=True))
            yield replace(direct, table=view, columns=pairs, is_view=True)
        for view, columns in far_views:
            pairs = tuple(zip(near_columns, columns, strict=True))
            yield replace(direct, foreign_table=view, columns=pairs, is_foreign_view=True)
        for (near, near_shown), (far, far_shown) in product(near_views, far_views):
            pairs = tuple(zip(near_shown, far_shown, strict=True))
            yield replace(
                direct,
                table=near,
                foreign_table=far,
                columns=pairs,
                is_view=True,
                is_foreign_view=True,
            )

    def _choices(
        self, table: QualifiedName, columns: Sequence[str]
    ) -> list[tuple[QualifiedName, tuple[str, ...]]]:
        return [(view, each) for view, names in self._showing(table, columns) for each in names]

    def showing(
        self, table: QualifiedName, columns: Sequence[str]
    ) -> Iterator[tuple[QualifiedName, tuple[str, ...]]]:
        """Yield each view that shows all `columns` of `table`, with their names in it."""
        for view, names in self._showing(table, columns):
            yield view, names[0]

    def _showing(
        self, table: QualifiedName, columns: Sequence[str]
    ) -> Iterator[tuple[QualifiedName, list[tuple[str, ...]]]]:
        """Yield the same with every choice of names: a view may show a column twice."""
        for view, shown in self.shown.get(table, ()) if columns else ():
            names = list(product(*(shown.get(column, ()) for column in columns)))
            if names:
                yield view, names


def view_keys(views: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]) -> ViewKeys:
    """Read what every view shows from the stored form of its query (`pg_rewrite.ev_action`)."""
    names = {row["id"]: QualifiedName(*row["name"]) for row in tables}
    columns = {row["id"]: row["columns"] for row in tables}
    targets = {row["id"]: list(_targets(row["definition"])) for row in views}

    def origins(relation: int, number: int, depth: int = 0) -> Iterator[tuple[int, int]]:
        if relation in names:
            yield relation, number
        elif depth < len(views):
            for shown, table, column in targets.get(relation, ()):
                if shown == number:
                    yield from origins(table, column, depth + 1)

    found: dict[QualifiedName, list[tuple[QualifiedName, ColumnsShown]]] = defaultdict(list)
    for view in views:
        per_table: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for shown, table, column in targets[view["id"]]:
            for relation, number in origins(table, column):
                name = columns[relation].get(str(number))
                label = view["columns"].get(str(shown))
                if name and label:
                    per_table[relation][name].append(label)
        for relation, labels in per_table.items():
            found[names[relation]].append((QualifiedName(*view["name"]), labels))
    return ViewKeys(found)


def _targets(definition: str) -> Iterator[tuple[int, int, int]]:
    """Yield (number, table, column) of the outermost query's result columns."""
    depth = 0
    for found in _BRACE_OR_TARGETS.finditer(definition):
        piece = found[0]
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
        elif piece.startswith(":resno") and depth == 2:
            target = _TARGET.match(piece)
            if target and target["table"] != "0":
                yield int(target["number"]), int(target["table"]), int(target["column"])
