"""SQL that reads a tree: one query a node, embeds as lateral joins."""

from romashka_local.rest.catalog import Catalog, QualifiedName
from romashka_local.rest.grammar import Field, Filter, OrderTerm, SelectedField
from romashka_local.rest.plan import Node, embed_tested
from romashka_local.rest.query import Window
from romashka_local.rest.spread import (
    FULL_ROW,
    SpreadField,
    hoists_aggregates,
    is_empty,
    spread_fields,
)
from romashka_local.rest.sql_filter import FieldSql
from romashka_local.rest.sql_text import Parameters, column, identifier, qualified


class ReadSql:
    """Writes the queries of one request's tree, binding their values to `parameters`."""

    def __init__(self, catalog: Catalog, parameters: Parameters) -> None:
        self._catalog = catalog
        self._parameters = parameters

    def query(self, node: Node) -> str:
        """Return the query for the rows of `node`."""
        fields = self._fields_of(node)
        is_list_spread = node.is_spread and not node.is_to_one
        selected = [self._selected(node, fields, each) for each in _selected_or_star(node)]
        if is_list_spread:
            selected += self._order_columns(node, fields)
        joins = []
        for child in node.children:
            selected += self._from_child(node, child)
            joins.append(self._join(child))
        clauses = [
            f"SELECT {', '.join(selected)} FROM {self._source(node)}{''.join(joins)}",
            self._where(node, fields),
            self._group(node, fields),
            "" if is_list_spread else self._order(fields, node.order),
            self._window(node.window),
        ]
        return " ".join(clause for clause in clauses if clause)

    def count(self, node: Node) -> str:
        """Return the query that has a row for each row of `node`, whatever its window."""
        fields = self._fields_of(node)

        def exists(child: Node) -> str:
            return f"EXISTS ({self.count(child)})"

        def write(predicate: Filter) -> str:
            tested = embed_tested(node, predicate)
            if tested is None:
                return fields.filter(predicate)
            return exists(tested) if predicate.condition.negated else f"NOT {exists(tested)}"

        conditions = [fields.logic(each, write) for each in node.predicates]
        conditions += self._join_conditions(node)
        conditions += [exists(child) for child in node.children if child.is_inner]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT 1 FROM {self._source(node)}{where}"

    def _fields_of(self, node: Node) -> FieldSql:
        return FieldSql(self._catalog, self._parameters, node.table, node.reference)

    def _selected(self, node: Node, fields: FieldSql, each: SelectedField) -> str:
        text = fields.row() if each.field.name == FULL_ROW else fields.field(each.field)
        if each.cast is not None:
            text = _cast(text, each.cast)
        if each.aggregate is not None and not hoists_aggregates(node):
            text = _aggregated(text, each.aggregate, each.aggregate_cast)
        return text + _as(each.alias)

    def _from_child(self, node: Node, child: Node) -> list[str]:
        """Return the columns that an embed adds to its parent's rows."""
        rows = identifier(child.aggregate)
        if child.is_spread:
            applies = not hoists_aggregates(node)
            return [_spread_column(child, each, applies=applies) for each in spread_fields(child)]
        if is_empty(child):
            return []
        if child.is_to_one:
            return [f"row_to_json({rows}.*)::jsonb AS {identifier(child.label)}"]
        return [f"COALESCE({rows}.{rows}, '[]') AS {identifier(child.label)}"]

    def _join(self, child: Node) -> str:
        """Return the lateral join that finds an embed's rows."""
        kind = "INNER" if child.is_inner else "LEFT"
        rows = identifier(child.aggregate)
        query = self.query(child)
        condition = "TRUE"
        if not child.is_to_one:
            columns = [f"json_agg({rows})::jsonb AS {rows}"]
            if child.is_spread:
                columns += self._list_columns(child)
            query = f"SELECT {', '.join(columns)} FROM ({query}) AS {rows}"
            condition = f"{rows} IS NOT NULL" if child.is_inner else "TRUE"
        return f" {kind} JOIN LATERAL ({query}) AS {rows} ON {condition}"

    def _list_columns(self, child: Node) -> list[str]:
        """Return one list for each column of a spread embed, in the embed's order."""
        terms = [
            f"{identifier(child.aggregate)}.{identifier(name)}{_direction(term)}"
            for name, term in _order_aliases(child)
        ]
        order = f" ORDER BY {', '.join(terms)}" if terms else ""
        return [
            f"COALESCE(json_agg({identifier(child.aggregate)}.{identifier(each.name)}{order}),"
            f" '[]')::jsonb AS {identifier(each.name)}"
            for each in spread_fields(child)
        ]

    def _order_columns(self, node: Node, fields: FieldSql) -> list[str]:
        return [
            fields.field(term.field, term.relation) + _as(name)
            for name, term in _order_aliases(node)
        ]

    def _source(self, node: Node) -> str:
        alias = f" AS {identifier(node.source_alias)}" if node.source_alias else ""
        found = node.relationship
        if found is not None and found.function is not None:
            parent = identifier(node.parent_alias or found.table.name)
            return f"{qualified(found.function)}({parent}::{qualified(found.table)}){alias}"
        junction = f", {qualified(found.junction.table)}" if found and found.junction else ""
        return f"{qualified(node.source)}{alias}{junction}"

    def _where(self, node: Node, fields: FieldSql) -> str:
        def write(predicate: Filter) -> str:
            tested = embed_tested(node, predicate)
            if tested is None:
                return fields.filter(predicate)
            negation = "" if predicate.condition.negated else "NOT "
            return f"{identifier(tested.aggregate)} IS {negation}DISTINCT FROM NULL"

        conditions = [fields.logic(each, write) for each in node.predicates]
        conditions += self._join_conditions(node)
        return f"WHERE {' AND '.join(conditions)}" if conditions else ""

    def _join_conditions(self, node: Node) -> list[str]:
        found = node.relationship
        if found is None or found.function is not None:
            return []
        parent = QualifiedName("", node.parent_alias) if node.parent_alias else found.table
        if found.junction is None:
            return [
                f"{column(node.reference, far)} = {column(parent, near)}"
                for near, far in found.columns
            ]
        between = found.junction.table
        far_pairs, near_pairs = found.junction.foreign_columns, found.junction.columns
        return [
            f"{column(between, via)} = {column(found.foreign_table, far)}" for far, via in far_pairs
        ] + [f"{column(between, via)} = {column(parent, near)}" for near, via in near_pairs]

    def _group(self, node: Node, fields: FieldSql) -> str:
        """Group by all that is not aggregated, if anything is."""
        spreads = [(child, each) for child in node.children for each in _spread_of(child)]
        has_aggregate = any(each.aggregate for each in node.fields) or any(
            each.aggregate for _, each in spreads
        )
        if not has_aggregate or hoists_aggregates(node):
            return ""
        terms = [
            identifier(each.alias) if each.alias else fields.field(each.field)
            for each in node.fields
            if each.aggregate is None
        ]
        terms += [
            identifier(child.label)
            for child in node.children
            if not child.is_spread and not is_empty(child)
        ]
        terms += [
            f"{identifier(child.aggregate)}.{identifier(each.name)}"
            for child, each in spreads
            if each.aggregate is None
        ]
        return f"GROUP BY {', '.join(terms)}" if terms else ""

    def _order(self, fields: FieldSql, terms: list[OrderTerm]) -> str:
        return f"ORDER BY {', '.join(fields.order(term) for term in terms)}" if terms else ""

    def _window(self, window: Window) -> str:
        if window == Window():
            return ""
        bind = self._parameters.bind
        limit = "ALL" if window.limit is None else bind(str(window.limit))
        return f"LIMIT {limit} OFFSET {bind(str(window.lower))}"


def _selected_or_star(node: Node) -> list[SelectedField]:
    if node.fields or node.children:
        return node.fields
    return [SelectedField(Field("*"))]


def _spread_of(child: Node) -> list[SpreadField]:
    return spread_fields(child) if child.is_spread else []


def _spread_column(child: Node, each: SpreadField, *, applies: bool) -> str:
    text = column(QualifiedName("", child.aggregate), each.name)
    if not applies or each.aggregate is None:
        return text
    return _aggregated(text, each.aggregate, each.aggregate_cast) + _as(each.alias)


def _aggregated(text: str, aggregate: str, cast: str | None) -> str:
    called = f"{aggregate.upper()}({text})"
    return called if cast is None else _cast(called, cast)


def _cast(text: str, type_name: str) -> str:
    # Unquoted, or `int` would name no type; the parser lets only words and spaces through.
    return f"CAST({text} AS {type_name})"


def _as(alias: str | None) -> str:
    return "" if alias is None else f" AS {identifier(alias)}"


def _order_aliases(node: Node) -> list[tuple[str, OrderTerm]]:
    """Name the order terms of a spread list apart from its columns."""
    return [
        (f"{node.aggregate}_{term.field.name}_{position}", term)
        for position, term in enumerate(node.order, 1)
    ]


def _direction(term: OrderTerm) -> str:
    direction = f" {term.direction.upper()}" if term.direction else ""
    return direction + (f" NULLS {term.nulls.upper()}" if term.nulls else "")
