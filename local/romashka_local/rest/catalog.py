"""What a schema offers to the API: its tables, relationships and functions, as one loaded value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from romashka_local.rest.settings import Settings

Cardinality = Literal["one-to-many", "many-to-one", "one-to-one", "many-to-many", "computed"]
ColumnPairs = tuple[tuple[str, str], ...]


class QualifiedName(NamedTuple):
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    """As declared, with a domain's own name."""
    base_type: str
    default: str | None
    is_nullable: bool
    max_length: int | None
    description: str | None
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, a view, or anything else with rows."""

    name: QualifiedName
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    is_view: bool
    insertable: bool
    updatable: bool
    deletable: bool
    description: str | None


@dataclass(frozen=True, slots=True)
class Junction:
    """The table between the two sides of a many-to-many relationship."""

    table: QualifiedName
    constraint: str
    foreign_constraint: str
    columns: ColumnPairs
    """Pairs of a column of this side and its column in the junction."""
    foreign_columns: ColumnPairs


@dataclass(frozen=True, slots=True)
class Relationship:
    """How rows of `foreign_table` belong to a row of `table`."""

    table: QualifiedName
    foreign_table: QualifiedName
    cardinality: Cardinality
    constraint: str = ""
    columns: ColumnPairs = ()
    is_parent: bool = False
    """Of a one-to-one relationship: the foreign key is in the other table."""
    is_view: bool = False
    is_foreign_view: bool = False
    junction: Junction | None = None
    function: QualifiedName | None = None
    """Of a computed relationship: what gives the rows."""
    function_returns_one: bool = False

    @property
    def is_self(self) -> bool:
        return self.table == self.foreign_table

    @property
    def is_to_one(self) -> bool:
        return self.function_returns_one or self.cardinality in ("many-to-one", "one-to-one")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    """The type as text that a value can be cast to."""
    declared_type: str
    is_required: bool
    is_variadic: bool


@dataclass(frozen=True, slots=True)
class Function:
    name: QualifiedName
    parameters: tuple[Parameter, ...]
    returns: QualifiedName
    returns_set: bool
    returns_rows: bool
    """Rows of a composite type, and not values."""
    volatility: Literal["i", "s", "v"]
    isolation: str | None
    settings: Mapping[str, str]
    """Of its `set` options those that apply to the whole transaction."""
    description: str | None

    @property
    def is_void(self) -> bool:
        return not self.returns_set and self.returns == ("pg_catalog", "void")

    @property
    def reads_only(self) -> bool:
        return self.volatility != "v"


Relationships = Mapping[tuple[QualifiedName, str], tuple[Relationship, ...]]
"""By table and by the schema of the foreign table."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The exposed schemas at one moment, and the settings that held then."""

    settings: Settings
    tables: Mapping[QualifiedName, Table] = field(default_factory=dict)
    relationships: Relationships = field(default_factory=dict)
    functions: Mapping[QualifiedName, tuple[Function, ...]] = field(default_factory=dict)
    role_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """`alter role ... set`, by the roles that a token may name."""

    def tables_of(self, schema: str) -> Iterator[Table]:
        return (table for name, table in self.tables.items() if name.schema == schema)

    def functions_of(self, schema: str) -> Iterator[Function]:
        for name, overloads in self.functions.items():
            if name.schema == schema:
                yield from overloads
