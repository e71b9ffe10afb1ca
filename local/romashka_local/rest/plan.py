"""The tree of what a request reads: a node a relation, with its filters, order and embeds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from romashka_local.rest import errors
from romashka_local.rest.catalog import Catalog, QualifiedName, Relationship, Table
from romashka_local.rest.embed import find_relationship
from romashka_local.rest.errors import RestError
from romashka_local.rest.grammar import (
    Filter,
    Logic,
    OrderTerm,
    Path,
    Selected,
    SelectedField,
)
from romashka_local.rest.query import Query, Window

SOURCE = QualifiedName("", "pgrst_source")
"""The rows that a write returned or a function gave: the root reads from them."""


@dataclass(slots=True)
class Node:
    """One relation that is read; built up step by step, then turned into SQL."""

    source: QualifiedName
    """What it reads from."""
    table: QualifiedName
    """The table whose columns it has: that of `source`, or behind it."""
    name: str
    depth: int
    alias: str | None = None
    hint: str | None = None
    is_inner: bool = False
    is_spread: bool = False
    source_alias: str | None = None
    fields: list[SelectedField] = field(default_factory=list)
    predicates: list[Logic] = field(default_factory=list)
    order: list[OrderTerm] = field(default_factory=list)
    window: Window = field(default_factory=Window)
    relationship: Relationship | None = None
    parent_alias: str | None = None
    aggregate: str = ""
    """The name of its rows within the parent's query."""
    children: "list[Node]" = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.alias or self.name

    @property
    def is_to_one(self) -> bool:
        return self.relationship is not None and self.relationship.is_to_one

    @property
    def reference(self) -> QualifiedName:
        """How its query names the relation."""
        if self.relationship is not None and self.relationship.function is not None:
            return QualifiedName("", self.source_alias or self.relationship.function.name)
        return QualifiedName("", self.source_alias) if self.source_alias else self.source

    def child(self, label: str) -> "Node | None":
        """Return the embed that filters call `label`; an older spelling is the target's name."""
        for each in self.children:
            if each.label == label:
                return each
        return next((each for each in self.children if each.name == label), None)

    def walk(self) -> "Iterable[Node]":
        yield self
        for each in self.children:
            yield from each.walk()


def read_tree(
    catalog: Catalog,
    table: QualifiedName,
    query: Query,
    *,
    from_source: bool,
    filters_root: bool,
    max_rows: int | None,
    window: Window,
) -> Node:
    """Return the tree for reading `table`, or the rows of `SOURCE` that look like it.

    Raises:
        RestError: PGRST108, a parameter names no embed; PGRST118, an order by a list;
            PGRST200, PGRST201, an embed that cannot be resolved.
    """
    root = Node(table, table, table.name, 0)
    if from_source:
        root = Node(SOURCE, table, table.name, 0, source_alias=table.name)
    _add_selected(root, query.select)
    _relate(catalog, root)
    for path, each in query.filters:
        if path or filters_root:
            _find(root, path).predicates.append(each)
    for path, tree in query.logic:
        if path or filters_root:
            _find(root, path).predicates.append(tree)
    for path, terms in query.orders:
        _find(root, path).order = list(terms)
    if filters_root:
        for path, embed_window in query.windows.items():
            _find(root, path).window = embed_window
        root.window = window
        for node in root.walk():
            node.window = node.window.at_most(max_rows)
    for node in root.walk():
        node.order = [_checked_order(node, term) for term in node.order]
    return root


def _add_selected(node: Node, items: Iterable[Selected]) -> None:
    for item in items:
        if isinstance(item, SelectedField):
            node.fields.append(item)
            continue
        child = Node(
            source=QualifiedName(node.table.schema, item.name),
            table=QualifiedName(node.table.schema, item.name),
            name=item.name,
            depth=node.depth + 1,
            alias=item.alias,
            hint=item.hint,
            is_inner=item.join == "inner",
            is_spread=item.is_spread,
        )
        node.children.append(child)
        _add_selected(child, item.items)


def _relate(catalog: Catalog, node: Node) -> None:
    """Resolve the embeds of `node`, and theirs."""
    for child in node.children:
        found = find_relationship(catalog, node.table, child.name, child.hint)
        child.relationship = found
        child.source = child.table = found.foreign_table
        child.aggregate = f"{found.table.name}_{child.label}_{child.depth}"
        child.parent_alias = node.source_alias
        if found.junction is None:
            child.source_alias = f"{found.foreign_table.name}_{child.depth}"
        _relate(catalog, child)


def _find(root: Node, path: Path) -> Node:
    node = root
    for label in path:
        child = node.child(label)
        if child is None:
            raise errors.not_embedded(label)
        node = child
    return node


def _checked_order(node: Node, term: OrderTerm) -> OrderTerm:
    """Point an order by an embed's column to the embed's rows."""
    if term.relation is None:
        return term
    child = node.child(term.relation)
    if child is None:
        raise errors.not_embedded(term.relation)
    if not child.is_to_one:
        raise RestError(
            400,
            "PGRST118",
            f"A related order on '{child.label}' is not possible",
            f"'{node.table.name}' and '{child.label}' do not form a many-to-one or one-to-one"
            " relationship",
        )
    return OrderTerm(term.field, child.aggregate, term.direction, term.nulls)


def embed_tested(node: Node, predicate: Filter) -> Node | None:
    """Return the embed whose rows `embed=is.null` asks for; None for any other filter."""
    condition = predicate.condition
    if predicate.field.json_path or condition.operator != "is" or condition.values != ("null",):
        return None
    return next((each for each in node.children if each.label == predicate.field.name), None)


def find_table(catalog: Catalog, name: QualifiedName) -> Table:
    """Return the table called `name`.

    Raises:
        RestError: PGRST205, there is none.
    """
    table = catalog.tables.get(name)
    if table is None:
        known = (each.name.name for each in catalog.tables_of(name.schema))
        raise errors.unknown_table(name.schema, name.name, known)
    return table
