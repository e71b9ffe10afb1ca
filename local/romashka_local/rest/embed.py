"""Finds the relationship that an embedded name means, or says why there is not exactly one."""

from collections.abc import Callable
from typing import Any

from romashka_local.rest.catalog import Catalog, QualifiedName, Relationship
from romashka_local.rest.errors import RestError, closest


def find_relationship(
    catalog: Catalog, origin: QualifiedName, target: str, hint: str | None
) -> Relationship:
    """Return the relationship from `origin` that `target!hint` names.

    Raises:
        RestError: PGRST200, there is none; PGRST201, there are several.
    """
    candidates = catalog.relationships.get((origin, origin.schema), ())
    matches: Callable[[Relationship], bool] = lambda each: _matches(each, target, hint)  # noqa: E731
    found = [each for each in candidates if matches(each)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(origin.name, target, found)
    raise _missing(catalog, origin, target, hint)


def _matches(each: Relationship, target: str, hint: str | None) -> bool:
    if each.function is not None:
        return target == each.function.name
    if each.is_self:
        return _matches_self(each, target, hint)
    is_table = target == each.foreign_table.name
    if hint is None:
        # A constraint or a column as target only leads to a table.
        by_key = target == each.constraint or target == _single_column(each)
        return is_table or (by_key and not each.is_foreign_view and each.junction is None)
    by_junction = each.junction is not None and hint == each.junction.table.name
    by_hint = hint in (each.constraint, _single_column(each), _single_foreign_column(each))
    return is_table and (by_junction or by_hint)


def _matches_self(each: Relationship, target: str, hint: str | None) -> bool:
    """Tell children (named by the table) from the parent (named by the foreign key's column)."""
    if each.cardinality == "one-to-many" and target == each.foreign_table.name:
        return hint is None or hint == _single_foreign_column(each)
    return each.cardinality == "many-to-one" and hint is None and target == _single_column(each)


def _single_column(each: Relationship) -> str | None:
    return each.columns[0][0] if len(each.columns) == 1 else None


def _single_foreign_column(each: Relationship) -> str | None:
    return each.columns[0][1] if len(each.columns) == 1 else None


def _missing(catalog: Catalog, origin: QualifiedName, target: str, hint: str | None) -> RestError:
    using = f" using the hint '{hint}'" if hint is not None else ""
    return RestError(
        400,
        "PGRST200",
        f"Could not find a relationship between '{origin.name}' and '{target}' in the schema cache",
        f"Searched for a foreign key relationship between '{origin.name}' and '{target}'{using}"
        f" in the schema '{origin.schema}', but no matches were found.",
        _suggestion(catalog, origin, target),
    )


def _suggestion(catalog: Catalog, origin: QualifiedName, target: str) -> str | None:
    schema = origin.schema
    known = catalog.relationships.get((origin, schema))
    if known is None:
        parents = {table.name for table, foreign in catalog.relationships if foreign == schema}
        close, wrong = closest(origin.name, parents, at_least=0.33), origin.name
    else:
        children = {each.foreign_table.name for each in known} - {target}
        close, wrong = closest(target, children, at_least=0.33), target
    return close and f"Perhaps you meant '{close}' instead of '{wrong}'."


def _ambiguous(origin: str, target: str, found: list[Relationship]) -> RestError:
    spellings = ", ".join(f"'{each.foreign_table.name}!{_hint_for(each)}'" for each in found)
    return RestError(
        300,
        "PGRST201",
        "Could not embed because more than one relationship was found for"
        f" '{origin}' and '{target}'",
        [_described(each) for each in found],
        f"Try changing '{target}' to one of the following: {spellings}. Find the desired"
        " relationship in the 'details' key.",
    )


def _hint_for(each: Relationship) -> str:
    return each.junction.table.name if each.junction else each.constraint


def _described(each: Relationship) -> dict[str, Any]:
    if each.junction is not None:
        junction = each.junction
        near = ", ".join(name for _, name in junction.columns)
        far = ", ".join(name for _, name in junction.foreign_columns)
        text = (
            f"{junction.table.name} using {junction.constraint}({near})"
            f" and {junction.foreign_constraint}({far})"
        )
    else:
        near = ", ".join(name for name, _ in each.columns)
        far = ", ".join(name for _, name in each.columns)
        text = (
            f"{each.constraint} using {each.table.name}({near})"
            f" and {each.foreign_table.name}({far})"
        )
    return {
        "cardinality": each.cardinality,
        "embedding": f"{each.table.name} with {each.foreign_table.name}",
        "relationship": text,
    }
