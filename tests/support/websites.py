"""A website on the loopback, which notes what it is asked."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Served:
    """What is at a path."""

    body: bytes | str = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Writes the body in its own way."""


@dataclass
class Site:
    """Its pages may be changed while it runs."""

    address: str
    pages: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, Message]] = field(default_factory=list)

    def __setitem__(self, path: str, served: Served | str) -> None:
        self.pages[path] = Served(served) if isinstance(served, str) else served

    def paths(self) -> list[str]:
        """Return what was asked for since this was called last."""
        paths = [path for path, _ in self.asked]
        self.asked.clear()
        return paths

    def list(self, *paths: str) -> None:
        """Have a sitemap that lists these."""
        places = "".join(f"<url><loc>{self.address}{path}</loc></url>" for path in paths)
        text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'
        self["/sitemap.xml"] = Served(text, "application/xml")


@contextmanager
def website(certificate: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Run an empty site, by https with a certificate; what is not in `pages` is not there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, self.headers))
            served = site.pages.get(self.path, Served(status=404))
            body = served.body.encode() if isinstance(served.body, str) else served.body
            self.send_response(served.status)
            self.send_header("Content-Type", served.kind)
            for name, value in served.headers.items():
                self.send_header(name, value)
            if served.write is None:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # who asked has gone
                if served.write is None:
                    self.wfile.write(body)
                else:
                    served.write(self)

        def log_message(self, *_: object) -> None:
            """Tests read `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        server.socket = certificate.wrap_socket(server.socket, server_side=True)
    site = Site(f"http{'s' * bool(certificate)}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
