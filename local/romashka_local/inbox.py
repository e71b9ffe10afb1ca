"""The built inbox, as files at `/inbox/` of the API's address, under a strict policy."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from romashka_local.pages import serve_pages

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def inbox_app(folder: Path, anon_key: str) -> Starlette:
    """Serve the inbox of the project that has this key, at whatever address it is asked for."""

    async def config(request: Request) -> Response:
        url = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse({"url": url, "anonKey": anon_key})

    return serve_pages(
        [Route("/config.json", config), Mount("/", StaticFiles(directory=folder, html=True))],
        _HEADERS,
        lambda path: path.startswith("/assets/"),
    )
