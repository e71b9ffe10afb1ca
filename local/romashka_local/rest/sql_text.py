"""How SQL is put together: identifiers are quoted, values are bound, nothing is pasted in."""

from romashka_local.rest.catalog import QualifiedName


def identifier(name: str) -> str:
    """Quote a name that may come from anybody."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a name that comes from the catalog, where a statement needs it as a constant."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def qualified(name: QualifiedName) -> str:
    prefix = f"{identifier(name.schema)}." if name.schema else ""
    return prefix + identifier(name.name)


def column(table: QualifiedName, name: str) -> str:
    return f"{qualified(table)}.{'*' if name == '*' else identifier(name)}"


def array_literal(values: tuple[str, ...]) -> str:
    """Write an array of text as the one value that Postgres parses it from."""
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"


class Parameters:
    """The values of one statement, in the order of their placeholders."""

    def __init__(self) -> None:
        self.values: list[str | bytes | list[str] | None] = []

    def bind(self, value: str | bytes | list[str] | None) -> str:
        """Add a value and return its placeholder; Postgres infers the type of a text."""
        self.values.append(value)
        return f"${len(self.values)}"
