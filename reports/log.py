"""The event log as readers see it: whose events they may read, and whether a stream is whole."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import policy
from core.events import digest_of
from core.models import Event, StreamHead

VIEW_LOG = "releases.view_event_log"


def activity(user) -> QuerySet[Event]:
    """Events about the products that the reader may see: what pages about those products tell."""
    ids = policy.where_may(user, "releases.view_product")
    events = Event.objects.exclude(scope="")
    return events if ids is None else events.filter(scope__in=_scopes(ids))


def event_log(user) -> QuerySet[Event]:
    """Events that the reader may read in the log: all with the right everywhere, else those of the products in sight."""
    return Event.objects.all() if sees_all_events(user) else activity(user)


def sees_all_events(user) -> bool:
    return policy.where_may(user, VIEW_LOG) is None


def _scopes(ids) -> list[str]:
    return [f"product:{pk}" for pk in sorted(ids)]


@dataclass(frozen=True)
class Proof:
    """`holds` says that the chain is whole; otherwise `broken` names the first event that does not add up."""

    stream: str
    count: int
    broken: str = ""

    @property
    def holds(self) -> bool:
        return not self.broken


def prove(stream: str) -> Proof:
    """Walk one stream from its first event to its head. Two queries."""
    seq, previous = 0, ""
    for event in Event.objects.filter(stream=stream).order_by("seq").iterator(chunk_size=2000):
        if event.seq != seq + 1 or event.previous != previous or event.digest != digest_of(event):
            return Proof(stream, seq, f"event {event.seq} ({event.name}) was changed, dropped or moved")
        seq, previous = event.seq, event.digest
    head = StreamHead.objects.filter(pk=stream).values_list("seq", "digest").first() or (0, "")
    if head != (seq, previous):
        return Proof(stream, seq, f"its head names event {head[0]}, the last one kept is {seq}")
    return Proof(stream, seq)
