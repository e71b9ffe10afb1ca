"""The built inbox, as files at `/inbox/` of the API's address, under a strict policy."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import romashka
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER = "public, max-age=31536000, immutable"


def find_inbox() -> Path | None:
    """Return the folder of the built inbox, of this checkout or of the wheel; None without one."""
    package = Path(romashka.__file__).parent
    places = (package.parents[2] / "inbox" / "dist", package / "inbox")
    return next((place for place in places if (place / "index.html").is_file()), None)


def inbox_app(folder: Path, anon_key: str) -> Starlette:
    """Serve the inbox of the project that has this key, at whatever address it is asked for."""

    async def config(request: Request) -> Response:
        url = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse({"url": url, "anonKey": anon_key})

    return Starlette(
        routes=[
            Route("/config.json", config),
            Mount("/", StaticFiles(directory=folder, html=True)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_headers)],
    )


async def _with_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    response.headers.update(_HEADERS)
    # The names of these have their content's hash; the others are asked for anew.
    is_hashed = request.url.path.startswith("/assets/")
    response.headers["Cache-Control"] = _FOR_EVER if is_hashed else "no-cache"
    return response
