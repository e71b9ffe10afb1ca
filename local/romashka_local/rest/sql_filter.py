"""SQL of fields, filters, logic trees and orders."""

from collections.abc import Callable

from romashka_local.rest.catalog import Catalog, QualifiedName
from romashka_local.rest.grammar import Condition, Field, Filter, JsonStep, LogicTree, OrderTerm
from romashka_local.rest.sql_text import Parameters, array_literal, column, qualified

_OPERATORS = {
    "neq": "<>",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
    "eq": "=",
    "gte": ">=",
    "gt": ">",
    "lte": "<=",
    "lt": "<",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "IS DISTINCT FROM",
}
_SEARCH = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
_IS = {
    "null": "NULL",
    "not_null": "NOT NULL",
    "true": "TRUE",
    "false": "FALSE",
    "unknown": "UNKNOWN",
}


class FieldSql:
    """Writes the fields of one relation: `table` says their types, `reference` names it."""

    def __init__(
        self,
        catalog: Catalog,
        parameters: Parameters,
        table: QualifiedName,
        reference: QualifiedName,
    ) -> None:
        known = catalog.tables.get(table)
        self._columns = known.columns if known else {}
        self._bind = parameters.bind
        self._reference = reference

    def field(self, field: Field, relation: str | None = None) -> str:
        """Return the SQL of a column, or of what a JSON path finds in it."""
        reference = QualifiedName("", relation) if relation is not None else self._reference
        text = column(reference, field.name)
        if not field.json_path:
            return text
        known = self._columns.get(field.name)
        # The operators of a column that is JSON already can use its indexes.
        if relation is not None or known is None or known.type not in ("json", "jsonb"):
            text = f"to_jsonb({text})"
        return text + "".join(self._json_step(step) for step in field.json_path)

    def _json_step(self, step: JsonStep) -> str:
        operator = "->>" if step.as_text else "->"
        return operator + self._bind(step.key) + ("::int" if step.is_index else "")

    def row(self) -> str:
        return qualified(QualifiedName("", self._reference.name))

    def order(self, term: OrderTerm) -> str:
        words = [self.field(term.field, term.relation)]
        if term.direction:
            words.append(term.direction.upper())
        if term.nulls:
            words.append(f"NULLS {term.nulls.upper()}")
        return " ".join(words)

    def filter(self, each: Filter) -> str:
        condition = each.condition
        negation = "NOT " if condition.negated else ""
        if condition.operator in _SEARCH:
            return negation + self._search(each.field, condition)
        return f"{negation}{self.field(each.field)} {self._comparison(condition)}"

    def _comparison(self, condition: Condition) -> str:
        if condition.operator == "is":
            return f"IS {_IS[condition.values[0]]}"
        if condition.operator == "in":
            values = () if condition.values == ("",) else condition.values
            return f"= ANY ({self._bind(array_literal(values))})"
        value = condition.values[0]
        if condition.operator in ("like", "ilike"):
            value = value.replace("*", "%")
        placeholder = self._bind(value)
        if condition.modifier is not None:
            placeholder = f"{condition.modifier.upper()}({placeholder})"
        return f"{_OPERATORS[condition.operator]} {placeholder}"

    def _search(self, field: Field, condition: Condition) -> str:
        language = "" if condition.modifier is None else f"{self._bind(condition.modifier)}, "
        text = self.field(field)
        known = self._columns.get(field.name)
        if known is None or known.base_type != "tsvector":
            text = f"to_tsvector({language}{text})"
        function = _SEARCH[condition.operator]
        return f"{text} @@ {function}({language}{self._bind(condition.values[0])})"

    def logic(
        self, predicate: Filter | LogicTree, write_filter: Callable[[Filter], str] | None = None
    ) -> str:
        """Return the SQL of a tree whose leaves `write_filter` writes."""
        if isinstance(predicate, Filter):
            return (write_filter or self.filter)(predicate)
        joiner = f" {predicate.operator.upper()} "
        inner = joiner.join(self.logic(each, write_filter) for each in predicate.items)
        return f"{'NOT ' if predicate.negated else ''}({inner})"
