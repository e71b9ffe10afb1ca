"""Built web pages: where they are, and what they are served with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import romashka
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

_FOR_EVER = "public, max-age=31536000, immutable"


def find_pages(name: str, first: str) -> Path | None:
    """Return the folder of built pages, of this checkout or of the wheel.

    Args:
        name: what they are: a folder of the repository, and of the package.
        first: a file that is there when they are built; without it there are none: None.
    """
    package = Path(romashka.__file__).parent
    places = (package.parents[2] / name / "dist", package / name)
    return next((place for place in places if (place / first).is_file()), None)


def serve_pages(
    routes: Sequence[BaseRoute], headers: Mapping[str, str], is_hashed: Callable[[str], bool]
) -> Starlette:
    """Serve them with these headers; browsers keep for ever what is named by its content's hash."""

    async def with_headers(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await answer(request)
        response.headers.update(headers)
        kept = _FOR_EVER if is_hashed(request.url.path) else "no-cache"
        response.headers["Cache-Control"] = kept
        return response

    middleware = [Middleware(BaseHTTPMiddleware, dispatch=with_headers)]
    return Starlette(routes=routes, middleware=middleware)
