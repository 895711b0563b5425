"""A clock that can be turned back while the demonstration is loaded, so that its history has its own dates."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest import mock

from django.utils import timezone

from deployments import clock as of_workers


class Clock:
    """Says what time it is in the story; moves on by hand, and with the real time in between."""

    def __init__(self, starts_at: datetime):
        self._real = datetime.now
        self.set(starts_at)

    def set(self, at: datetime) -> None:
        self._offset = at - self._real(at.tzinfo)

    def now(self, tz=None) -> datetime:
        return self._real(tz) + self._offset

    def forward(self, **length: float) -> None:
        self._offset += timedelta(**length)


@contextmanager
def turned_back(starts_at: datetime) -> Iterator[Clock]:
    """While it lasts, `django.utils.timezone.now()` is what the clock says, also where it is a field's default.

    So does the clock that workers share: verifications are of the story, and nobody waits through their steady times.
    """
    clock = Clock(starts_at)

    class Story(datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now(tz)

    with mock.patch.object(timezone, "datetime", Story), mock.patch.object(of_workers, "now", partial(clock.now, UTC)):
        yield clock
