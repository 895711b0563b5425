"""What is known of the conversation that a driver has with its tool just now: what was sent, and what must not be repeated."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from deployments.drivers.masking import looks_of, masked
from deployments.drivers.protocol import Unreachable

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MAY_HAVE_STARTED = (408, 409)  # gave up waiting; a call with this key is under way


class TooLong(Unreachable):
    """The time for the whole conversation is used up; this request was not sent."""


class Talk:
    """One call of a driver: at most twice HOOK_TIMEOUT_S seconds, whatever a client library has in mind."""

    def __init__(self, secret: str = ""):
        self.ends_at = None
        self.is_watched = self.may_have_begun = False
        self.secrets: set[str] = set()
        self.hide(secret)

    def hide(self, text: str) -> None:
        """Keep a text, and what it looks like in an address or a header, out of everything that is said."""
        self.secrets |= looks_of(text)

    def fit_for_people(self, text: object) -> str:
        return masked(str(text).replace("\0", "\ufffd"), self.secrets)

    def seconds_left(self) -> float:
        """For the next request; the clock starts with the first one. Raises TooLong."""
        self.ends_at = self.ends_at or time.monotonic() + 2 * settings.HOOK_TIMEOUT_S
        left = min(settings.HOOK_TIMEOUT_S, self.ends_at - time.monotonic())
        if left <= 0:
            raise TooLong("The tool answers so slowly that the rest was left for later.")
        return left

    def note(self, method: str, *, refused: bool) -> None:
        """A request has left this machine; `refused` when the tool certainly did nothing about it."""
        self.is_watched = True
        if method.upper() not in SAFE_METHODS and not refused:
            self.may_have_begun = True

    @property
    def has_begun_nothing(self) -> bool:
        """Every request is known, and each that could begin something was turned down."""
        return self.is_watched and not self.may_have_begun


def is_refusal(status: int) -> bool:
    """Whether an HTTP status says that nothing was started and that a repeat would not help."""
    return 400 <= status < 500 and status not in MAY_HAVE_STARTED


_current: ContextVar[Talk | None] = ContextVar("talk", default=None)


def current() -> Talk:
    """The conversation under way; a new one of its own where nobody opened any."""
    return _current.get() or Talk()


@contextmanager
def talking(secret: str) -> Iterator[Talk]:
    """What is said to a tool within is one conversation; `secret` is kept out of all that is told of it."""
    talk = Talk(secret)
    token = _current.set(talk)
    try:
        yield talk
    finally:
        _current.reset(token)
