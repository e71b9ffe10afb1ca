"""One HTTP request, read as PostgREST reads it: resource, schema, preferences, body."""

from dataclasses import dataclass
from functools import cached_property
from http.cookies import CookieError, SimpleCookie

from romashka_local.rest import errors
from romashka_local.rest.catalog import QualifiedName
from romashka_local.rest.errors import RestError
from romashka_local.rest.media import joined
from romashka_local.rest.preferences import Preferences, parse_preferences
from romashka_local.rest.settings import Settings

_WRITES = ("POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    """With lower-case names."""
    body: bytes

    @cached_property
    def _first(self) -> dict[str, str]:
        return dict(reversed(self.headers))

    def header(self, name: str) -> str | None:
        return self._first.get(name)

    @property
    def accept(self) -> str | None:
        return self.header("accept")

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each == name]

    @cached_property
    def cookies(self) -> dict[str, str]:
        try:
            parsed = SimpleCookie(joined(self.all("cookie")) or "")
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in parsed.items()}


@dataclass(frozen=True, slots=True)
class Resource:
    """What a path names: the API itself, a table or a function."""

    name: str | None
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of answering one request needs."""

    request: HttpRequest
    settings: Settings
    schema: str
    preferences: Preferences
    resource: Resource

    @property
    def target(self) -> QualifiedName:
        return QualifiedName(self.schema, self.resource.name or "")

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"


def read_context(request: HttpRequest, settings: Settings) -> Context:
    """Return what `request` is about.

    Raises:
        RestError: PGRST106, a schema that is not exposed; PGRST122, bad preferences;
            PGRST125, a path that leads nowhere.
    """
    resource = _resource(request.path)
    preferences = parse_preferences(
        request.all("prefer"), allow_transaction=settings.allows_transaction_override
    )
    return Context(request, settings, _schema(request, settings), preferences, resource)


def _resource(path: str) -> Resource:
    match path.strip("/").split("/"):
        case [""]:
            return Resource(None)
        case [table]:
            return Resource(table)
        case ["rpc", function]:
            return Resource(function, is_function=True)
    raise RestError(404, "PGRST125", "Invalid path specified in request URL")


def _schema(request: HttpRequest, settings: Settings) -> str:
    name = "content-profile" if request.method in _WRITES else "accept-profile"
    profile = request.header(name)
    if profile is None:
        return settings.schemas[0]
    if profile not in settings.schemas:
        raise errors.unknown_schema(profile, settings.schemas)
    return profile
