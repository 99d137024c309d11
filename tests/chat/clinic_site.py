"""A clinic's own web site for tests: of another origin, with the widget's one script tag."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Riverside Clinic</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 0; font: 16px sans-serif; background: #fff; }} iframe {{ filter: none; }}
h1 {{ margin: 40px; }} p {{ margin: 40px; max-width: 40em; }}</style></head>
<body><h1>Riverside Clinic</h1><p>Doctors, visits, billing.</p>
<script src="{hub}/chat/widget.js" data-site="riverside" async></script></body></html>"""


@dataclass
class ClinicSite:
    """Where the site is; `hub` is filled in before the first visit."""

    origin: str
    hub: str = ""


@contextmanager
def serve() -> Iterator[ClinicSite]:
    """Serve the site at a free port, under a name that makes it foreign to the hub's 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.format(hub=site.hub).encode() if self.path == "/" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            # A strict site: the widget must work without any inline style or script.
            self.send_header(
                "Content-Security-Policy",
                f"default-src 'none'; style-src 'unsafe-inline'; script-src {site.hub};"
                f" frame-src {site.hub}",
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = ClinicSite(f"http://localhost:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
