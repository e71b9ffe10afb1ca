"""What aggregates and spread embeds (`...rel(...)`) make of the selected columns."""

from dataclasses import dataclass, replace

from romashka_local.rest.catalog import Catalog
from romashka_local.rest.errors import RestError
from romashka_local.rest.grammar import Field, JsonStep, SelectedField
from romashka_local.rest.plan import Node

FULL_ROW = "\0row"
"""In place of a column's name: the row as a whole, for counting what a spread found."""


@dataclass(frozen=True, slots=True)
class SpreadField:
    """A column of an embed that appears in its parent's rows."""

    name: str
    aggregate: str | None = None
    aggregate_cast: str | None = None
    alias: str | None = None


def settle_fields(catalog: Catalog, root: Node, *, aggregates_enabled: bool) -> None:
    """Give every selected column of the tree its final form.

    Raises:
        RestError: PGRST123, aggregates are off; PGRST127, an aggregate in a spread list.
    """
    for node in root.walk():
        if any(each.aggregate for each in node.fields):
            if not aggregates_enabled:
                message = "Use of aggregate functions is not allowed"
                raise RestError(400, "PGRST123", message)
            if node.is_spread and not node.is_to_one:
                raise RestError(
                    400,
                    "PGRST127",
                    "Feature not implemented",
                    "Aggregates are not implemented for one-to-many or many-to-many spreads.",
                )
    _expand_stars(catalog, root, expanding=False)
    for node in root.walk():
        node.fields = [_with_alias(node, each) for each in node.fields]


def _expand_stars(catalog: Catalog, node: Node, *, expanding: bool) -> None:
    """Name the columns behind `*` where rows are grouped or become one list a column."""
    expanding = (
        expanding
        or any(each.aggregate for each in node.fields)
        or (node.is_spread and not node.is_to_one)
    )
    if expanding:
        table = catalog.tables.get(node.table)
        names = list(table.columns) if table else ["*"]
        node.fields = [
            expanded for each in node.fields for expanded in _expanded(node, each, names)
        ]
    for child in node.children:
        _expand_stars(catalog, child, expanding=expanding)


def _expanded(node: Node, selected: SelectedField, names: list[str]) -> list[SelectedField]:
    if selected.field.name != "*":
        return [selected]
    if selected.aggregate is None:
        return [replace(selected, field=Field(name)) for name in names]
    if node.is_spread:
        return [replace(selected, field=Field(FULL_ROW))]
    return [selected]


def _with_alias(node: Node, selected: SelectedField) -> SelectedField:
    if selected.alias is not None:
        return selected
    if selected.aggregate is not None:
        return replace(selected, alias=selected.aggregate) if node.is_spread else selected
    if not selected.field.json_path:
        return selected
    return replace(selected, alias=_last_key(selected.field.name, selected.field.json_path))


def _last_key(column: str, path: tuple[JsonStep, ...]) -> str:
    keys = [step.key for step in path if not step.is_index]
    return keys[-1] if keys else column


def spread_fields(node: Node) -> list[SpreadField]:
    """Return what a spread `node` gives its parent; the parent applies the aggregates."""
    fields = [
        SpreadField(each.alias or each.field.name, each.aggregate, each.aggregate_cast, each.alias)
        for each in node.fields
    ]
    for child in node.children:
        if child.is_spread:
            fields += spread_fields(child)
        elif not is_empty(child):
            fields.append(SpreadField(child.label))
    return fields


def is_empty(node: Node) -> bool:
    """Whether an embed selects nothing (`rel()`): it only filters."""
    return not node.fields and all(is_empty(child) for child in node.children)


def hoists_aggregates(node: Node) -> bool:
    """Whether the aggregates of `node` are applied further up."""
    return node.is_spread and node.is_to_one
