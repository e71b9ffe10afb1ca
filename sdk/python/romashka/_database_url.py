"""The database's URL as people paste it, made one that libpq reads.

What cannot be read, or can be read in two ways, is refused before libpq sees it: of what it cannot
read, libpq quotes pieces, and a password may be among them.
"""

import re
from urllib.parse import quote

from romashka._pasted import QUOTES, BadSetting, pasted

_SCHEME = re.compile(r"(?:psql\s+['\"]?)?(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_HOST = r"(?:[\w.%-]*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?"
_PLACE = re.compile(
    rf"(?P<place>{_HOST}(?:,{_HOST})*(?:/[^\s/@?#]*)?)(?:\?(?P<parameters>[^\s#]*))?"
)
_USER = re.compile(r"(?P<user>[^\s:@/?#]+)(?::(?P<password>[^\x00-\x1f]*))?")
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_PLACEHOLDER = re.compile(
    r"(?i:[\[<{(](?:your[-_ ])?password[\]>})])|(?:YOUR[-_ ])?PASSWORD|\*+|•+"
)
_FORM = "postgresql://user:password@host:5432/postgres"
_OF_OTHERS = frozenset(
    "pgbouncer connection_limit pool_timeout pool_size max_overflow schema supa workaround"
    " statement_cache_size prepared_statement_cache_size prepared_statement_name_func"
    " prepareThreshold async_fallback socket_timeout sslaccept".split()
)
"""Parameters of other drivers, about what this one does not do."""
_SSL = {"true": "require", "1": "require", "false": "disable", "0": "disable"}


def read_database_url(text: str, name: str) -> str:
    """Return the database's URL, or its `host=... user=...`, as libpq reads it.

    The scheme of an ORM and its parameters are taken off; a password that was not encoded is.

    Raises:
        BadSetting: it can be read in no way, or in two; nothing of it is quoted.
    """
    url = pasted(text)
    if not url:
        raise BadSetting(f"{name} is empty")
    if re.match(r"https?://", url, re.IGNORECASE):
        raise BadSetting(f"{name} is the project's URL; it takes the database's: {_FORM}")
    if scheme := _SCHEME.match(url):
        url = _as_libpq_reads_it(url[scheme.end() :].strip(QUOTES), name)
    elif "://" in url or "=" not in url or re.match(r"psql\b", url):
        raise BadSetting(f"{name} is not of the form {_FORM}")
    _prove(url, name)
    return url


def _as_libpq_reads_it(rest: str, name: str) -> str:
    """Return the URL of what comes after its scheme."""
    readings = [*_readings(rest)]
    if len(readings) != 1:
        raise BadSetting(
            f"{name} is not of the form {_FORM}; write the password's special characters in their"
            " encoded form, as %40 for @"
        )
    user, place = readings[0]
    who = f"{_encoded(user, name)}@" if user else ""
    parameters = "&".join(_parameters(place["parameters"] or ""))
    return f"postgresql://{who}{place['place']}{'?' * bool(parameters)}{parameters}"


def _readings(rest: str) -> list[tuple[re.Match[str] | None, re.Match[str]]]:
    """Return whose the URL may be, and where: once for each @ that may be between them."""
    readings: list[tuple[re.Match[str] | None, re.Match[str]]] = []
    if place := _PLACE.fullmatch(rest):
        readings.append((None, place))
    for at in (found.start() for found in re.finditer("@", rest)):
        user, place = _USER.fullmatch(rest, 0, at), _PLACE.fullmatch(rest, at + 1)
        if user and place:
            readings.append((user, place))
    return readings


def _encoded(user: re.Match[str], name: str) -> str:
    password = user["password"]
    if password is None:
        return user["user"]
    if _PLACEHOLDER.fullmatch(password):
        raise BadSetting(f"{name} has a placeholder where the password belongs")
    is_plain = "%" in _ESCAPE.sub("", password)  # nobody who encodes leaves that
    if not is_plain and "%" in password and re.search(r"[\s@/?#]", password):
        raise BadSetting(f"{name} has a password that is encoded in part; encode all of it")
    return f"{user['user']}:{quote(password, safe='' if is_plain else '%')}"


def _parameters(given: str) -> list[str]:
    """Return those that libpq has."""
    kept = []
    for parameter in filter(None, given.split("&")):
        key, _, value = parameter.partition("=")
        if key == "ssl":
            key, value = "sslmode", _SSL.get(value.lower(), value)
        if value == "no-verify":
            value = "require"
        if key not in _OF_OTHERS:
            kept.append(f"{key}={value}")
    return kept


def _prove(url: str, name: str) -> None:
    """Refuse what libpq cannot read, in our words.

    Raises:
        BadSetting: it cannot.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except ProgrammingError as error:
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        why = f"has a parameter that libpq does not know: {unknown[1]}" if unknown else ""
        raise BadSetting(f"{name} {why or f'is not of the form {_FORM}'}") from None
