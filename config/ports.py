"""Whether an address is free to serve on, and who sits there if not."""

import errno
import socket
from contextlib import ExitStack, closing

import psutil


def is_free(host: str, port: int) -> bool:
    """Tried by binding, as the web server will. Raises OSError for any other trouble than a taken address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
            attempt.listen(1)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def some_free(host: str, count: int) -> list[int]:
    """As many ports as asked for, chosen by the system among those that nobody uses."""
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in sockets]


def holder(port: int) -> str:
    """`name (process 123)` of who listens there, or empty if the system does not tell us."""
    try:
        listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        pid = next(one.pid for one in listening if one.laddr.port == port and one.pid)
        return f"{psutil.Process(pid).name()} (process {pid})"
    except (StopIteration, psutil.Error):
        return ""
