"""The built widget, as files at `/widget/` of the API, and a shop that has it on its page."""

import html
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from romashka_local.pages import serve_pages

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
_ASKED_ANEW = ("/", "/romashka-widget.js", "/integrity.txt")


def widget_app(folder: Path, anon_key: str) -> Starlette:
    """Serve the widget, and the shop as a page of the project that has this key."""

    async def shop(request: Request) -> Response:
        page = (folder / "demo" / "index.html").read_text(encoding="utf-8")
        url = f"{request.url.scheme}://{request.url.netloc}"
        for name, value in (("project", url), ("key", anon_key)):
            page = page.replace(f"{{{{{name}}}}}", html.escape(value))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return serve_pages(
        [Route("/", shop), Mount("/", StaticFiles(directory=folder))],
        _HEADERS,
        lambda path: not path.startswith("/demo/") and path not in _ASKED_ANEW,
    )
