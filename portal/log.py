"""One stream of the event log, proven: whether each event follows from the one before it, up to the stream's head."""

from dataclasses import dataclass

from core.events import digest_of
from core.models import Event, StreamHead


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
