"""A wire between a client and a server on loopback that breaks where a test wants it to."""

import contextlib
import socket
import threading


class Wire:
    """Passes bytes on, and cuts the connection as soon as `cut_at` was passed on by the server.

    Attributes:
        port: where it listens.
        cut_at: bytes of the server after which the connection is cut; None: never.
        cut_after_client: the same for bytes of the client; what held them goes through, and the
            answer does not.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut_at: bytes | None = None
        self.cut_after_client: bytes | None = None
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                for source, sink, is_server in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, is_server), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_server: bool) -> None:
        seen = b""
        with contextlib.suppress(OSError):
            while piece := source.recv(4096):
                seen = (seen + piece)[-20_000:]
                mark = self.cut_at if is_server else self.cut_after_client
                if mark is not None and mark.lower() in seen.lower():
                    self.cuts += 1
                    if is_server:
                        sink.sendall(piece[: max(0, piece.lower().find(mark.lower()))])
                    else:
                        sink.sendall(piece)
                        # The server has all of it; whoever sent it never hears so.
                        sink.shutdown(socket.SHUT_WR)
                        source.shutdown(socket.SHUT_RDWR)
                    break
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
