"""A `requests` session for client libraries, over the one bounded exchange of `wire`.

Total time, size, verified TLS, no proxy, no netrc and no certificates from the environment, nothing tried twice, no redirect
followed: what the library was written to do about these does not happen. Imported only when a driver calls.
"""

from email.message import Message
from io import BytesIO
from types import SimpleNamespace
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings

from deployments.drivers.hosts import address_trouble, origin
from deployments.drivers.protocol import HookRefused, OutcomeUnknown, Unreachable
from deployments.drivers.talk import SAFE_METHODS, current, is_refusal
from deployments.drivers.wire import Answer, Broken, NotSent, exchange

CREDENTIALS = ("authorization", "private-token", "job-token", "cookie")


class Session(requests.Session):
    """Gives redirects back as they are. `redirects_end_writes`: a write that is answered by one is refused."""

    def __init__(self, *, redirects_end_writes: bool = True):
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        for scheme in ("http://", "https://"):
            self.mount(scheme, Wire(redirects_end_writes=redirects_end_writes))

    def mount(self, prefix: str, adapter) -> None:
        """A library's own adapter (with its retries and its waiting) is left aside."""
        if isinstance(adapter, Wire):
            super().mount(prefix, adapter)

    def resolve_redirects(self, *_, **__):
        return iter(())


class Wire(requests.adapters.HTTPAdapter):
    """Sends a prepared request by `wire.exchange`. Raises Unreachable, OutcomeUnknown or HookRefused itself."""

    def __init__(self, *, redirects_end_writes: bool):
        super().__init__()
        self.redirects_end_writes = redirects_end_writes

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        talk, host = current(), urlsplit(request.url).netloc.rpartition("@")[2]
        for name, value in request.headers.items():
            if name.lower() in CREDENTIALS:
                talk.hide(as_text(value).rpartition(" ")[2])
        body = request.body or b""
        try:
            answer = exchange(
                request.method,
                request.url,
                headers={name: as_text(value) for name, value in request.headers.items()},
                content=body.encode() if isinstance(body, str) else body,
                timeout_s=talk.seconds_left(),
            )
        except NotSent as error:
            raise Unreachable(f"{host} could not be reached: {error}") from None
        except Broken as error:
            talk.note(request.method, refused=False)
            raise _unanswered(request.method, f"{host} was called, but gave no answer: {error}") from None
        leads_away = answer.status // 100 == 3 and self.redirects_end_writes and request.method not in SAFE_METHODS
        talk.note(request.method, refused=leads_away or is_refusal(answer.status))
        if leads_away:
            raise HookRefused(
                f"{host} answered {answer.status}; redirects are not followed, so give its final address."
            )
        _judge(request, answer, host)
        return self.build_response(request, _raw(answer))


def _judge(request, answer: Answer, host: str) -> None:
    """Raise for what no client library is asked to understand."""
    wait = answer.headers.get("retry-after")
    is_busy = answer.status == 403 and (wait or answer.headers.get("x-ratelimit-remaining") == "0")
    if answer.status == 429 or is_busy:
        raise Unreachable(f"{host} has had too many calls{f' and asks to wait {wait} s' if wait else ''}.")
    if answer.cut and not answer.headers.get("content-type", "").startswith("text/plain"):
        raise _unanswered(request.method, f"{host} answered more than can be read.")


def _unanswered(method: str, text: str) -> OutcomeUnknown | Unreachable:
    """A request that only asks begins nothing."""
    return Unreachable(text) if method in SAFE_METHODS else OutcomeUnknown(text)


def _raw(answer: Answer) -> urllib3.HTTPResponse:
    message = Message()
    for name, value in answer.headers.multi_items():
        message.add_header(name, value)
    headers = urllib3.HTTPHeaderDict(answer.headers.multi_items())
    raw = urllib3.HTTPResponse(
        BytesIO(answer.body), headers, answer.status, preload_content=False, decode_content=False
    )
    raw._original_response = SimpleNamespace(
        msg=message, isclosed=lambda: True, close=lambda: None
    )  # where cookies are read
    return raw


def as_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def fetched(url: str, base: str) -> str:
    """The text at an address that a tool gave, asked for without credentials.

    Raises HookRefused when it leads away from `base` to a host that HOOK_HOSTS does not allow, and what a Session raises.
    """
    if origin(url) != origin(base) and (trouble := address_trouble(url, settings.HOOK_HOSTS)):
        raise HookRefused(trouble)
    answer = Session().get(url)
    answer.raise_for_status()
    return answer.content.decode("utf-8", "replace")


def object_in(answer: requests.Response) -> dict | None:
    """The JSON object of an answer; None where it is none, as the page of a proxy or of another address."""
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
