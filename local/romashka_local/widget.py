"""The built widget, as files at `/widget/` of the API, and a shop that has it on its page."""

import html
from collections.abc import Awaitable, Callable
from pathlib import Path

import romashka
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_HEADERS = {
    "Access-Control-Allow-Origin": "*",  # pages of any origin load the window as a module
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' https:; base-uri 'none'; form-action 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_ASKED_ANEW = ("/", "/romashka-widget.js", "/integrity.txt")


def find_widget() -> Path | None:
    """Return the folder of the built widget, of this checkout or of the wheel; None without one."""
    package = Path(romashka.__file__).parent
    places = (package.parents[2] / "widget" / "dist", package / "widget")
    return next((place for place in places if (place / "romashka-widget.js").is_file()), None)


def widget_app(folder: Path, anon_key: str) -> Starlette:
    """Serve the widget, and the shop as a page of the project that has this key."""

    async def shop(request: Request) -> Response:
        page = (folder / "demo" / "index.html").read_text(encoding="utf-8")
        url = f"{request.url.scheme}://{request.url.netloc}"
        for name, value in (("project", url), ("key", anon_key)):
            page = page.replace(f"{{{{{name}}}}}", html.escape(value))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return Starlette(
        routes=[Route("/", shop), Mount("/", StaticFiles(directory=folder))],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_headers)],
    )


async def _with_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    response.headers.update(_HEADERS)
    # The names of the others have their content's hash.
    is_asked = request.url.path.startswith("/demo/") or request.url.path in _ASKED_ANEW
    response.headers["Cache-Control"] = "no-cache" if is_asked else _FOR_EVER
    return response
