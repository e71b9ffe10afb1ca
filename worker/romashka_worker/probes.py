"""The worker's own HTTP server: /metrics, /healthz and /readyz, for machines that watch it.

It runs in a thread, so that it can say that the event loop is stuck.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from romashka_worker.health import Health
from romashka_worker.settings import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away, or never asked."""


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = 5  # a client that says nothing

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: probes come each second."""


@contextmanager
def serve_probes(host: str, port: int | None, health: Health) -> Iterator[int | None]:
    """Serve within the block, unless `port` is none; give the port (0 takes a free one).

    Raises:
        SettingsError: the address cannot be had.
    """
    if port is None:
        yield None
        return
    kind = _ServerOnIPv6 if ":" in host else _Server
    try:
        server = make_server(host, port, _application(health), kind, _Handler)
    except (OSError, UnicodeError) as error:  # a host that no name is
        reason = getattr(error, "strerror", None) or "no such address"
        raise SettingsError(
            f"ROMASHKA_HTTP_HOST, ROMASHKA_HTTP_PORT: {reason} ({host}, port {port})"
        ) from error
    with server:
        thread = Thread(target=server.serve_forever, name="probes", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _application(health: Health) -> "WSGIApplication":
    metrics = make_wsgi_app()
    checks: dict[str, Callable[[], bool]] = {
        "/healthz": lambda: health.is_alive,
        "/readyz": lambda: health.is_ready,
    }

    def answer(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            body: Iterable[bytes] = metrics(environ, start_response)
            return body
        check = checks.get(path)
        status = "404 Not Found" if check is None else "200 OK" if check() else _UNAVAILABLE
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{status}\n".encode()]

    return answer


_UNAVAILABLE = "503 Service Unavailable"
