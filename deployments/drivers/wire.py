"""One HTTP exchange with strict bounds: total time, size, no redirects, verified TLS, no proxy taken from the environment."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import httpx2

MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the first bytes of the body, and whether there were more than that."""

    status: int
    headers: httpx2.Headers
    body: bytes
    cut: bool = False

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace").replace("\0", "\ufffd")


class NotSent(Exception):
    """Nothing of the request has left this machine."""


class Broken(Exception):
    """The request was sent, wholly or in part, and no whole answer came."""


def exchange(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    content: bytes = b"",
    timeout_s: float,
    max_bytes: int = MAX_BYTES,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request and read at most `max_bytes` of the answer, all within `timeout_s` seconds.

    `trust` is whom to believe in place of the usual authorities. Raises NotSent or Broken, with a reason fit for a page.
    """
    line = _Line(timeout_s)
    headers = (headers or {}) | {"Accept-Encoding": "identity"}  # a packed answer could unfold without bounds
    try:
        with (
            line,
            httpx2.Client(
                timeout=timeout_s, follow_redirects=False, trust_env=False, verify=trust or _trust()
            ) as client,
            client.stream(
                method, url, headers=headers, content=content or None, extensions={"trace": line.note}
            ) as response,
        ):
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > max_bytes:
                    return Answer(response.status_code, response.headers, bytes(body[:max_bytes]), cut=True)
            if line.expired:
                raise Broken(f"no whole answer within {timeout_s:g} s")
            return Answer(response.status_code, response.headers, bytes(body))
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
        reason = line.reason(error)
        raise (Broken if line.sent else NotSent)(reason) from error


@cache
def _trust() -> ssl.SSLContext:
    """The certificates of authorities, read once: reading them takes longer than most exchanges."""
    return httpx2.create_ssl_context(trust_env=False)


class _Line:
    """Watches one exchange: has anything been sent, and is the time over.

    The library's time limits are per read, so a server that sends a byte now and then could hold a worker for ever;
    a timer shuts the socket down when the total is used up.
    """

    def __init__(self, timeout_s: float):
        self.timeout_s = timeout_s
        self.sent = self.expired = False
        self.connection = None
        self.timer = threading.Timer(timeout_s, self.hang_up)
        self.timer.daemon = True

    def __enter__(self):
        self.ends_at = time.monotonic() + self.timeout_s
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()

    def note(self, event: str, info: dict) -> None:
        """Follow the library's own trace of the exchange."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self.connection = info["return_value"].get_extra_info("socket")
            if self.expired:
                self.hang_up()
        elif event.endswith("send_request_headers.started"):
            self.sent = True

    def hang_up(self) -> None:
        self.expired = True
        if self.connection is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.connection, socket.SHUT_RDWR)

    def reason(self, error: Exception) -> str:
        late = self.expired or isinstance(error, httpx2.TimeoutException)
        if late and self.sent:
            return f"no whole answer within {self.timeout_s:g} s"
        if late:
            return f"no connection within {self.timeout_s:g} s"
        return str(error) or type(error).__name__
