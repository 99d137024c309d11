"""Are the ports free, and if not, who has them?"""

import errno
import socket

import psutil

from hub.launcher.errors import CannotStart

HOST = "127.0.0.1"


class PortTaken(CannotStart):
    """Another program listens on a port that we need."""


def require_free(port: int, variable: str) -> None:
    """Raise PortTaken if `port` is in use; `variable` is what chooses another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that have just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            reason = (
                f"taken{_holder(port)}" if error.errno == errno.EADDRINUSE else "not ours to open"
            )
            raise PortTaken(
                f"Port {port} is {reason}. Stop that program, or choose another port: "
                f"{variable}={port + 10} make demo"
            ) from None


def listen(port: int) -> socket.socket:
    """Return a socket that listens on `port` of this machine; 0 takes a free one."""
    return socket.create_server((HOST, port), backlog=256)


def _holder(port: int) -> str:
    """Return " by NAME (process N)", or nothing where the system does not tell us."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return ""
    return ""


def is_open(port: int) -> bool:
    """Whether something accepts connections on `port` of this machine."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
