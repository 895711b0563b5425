"""The outbox: effects come after the commit and survive a crash.

A room names its reaction to an event in `apps.py` with `on()`. The transaction that records the event writes one delivery row per
reaction; after the commit a Celery message rings the doorbell; `deliver()` claims the row, calls the reaction with nothing locked,
and settles. A sweep finds what a dead worker or a dead broker left. A reaction may run twice (a claim that lapsed), so it must be
harmless to repeat: `key` is the same for each attempt.
"""

import fnmatch
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.models import Delivery, Event
from core.states import DeliveryState

log = logging.getLogger(__name__)

LEASE_S = 60
MAX_ATTEMPTS = 8
SWEEP_AT_ONCE = 200
OPEN = (DeliveryState.WAITING, DeliveryState.CLAIMED)


@dataclass(frozen=True)
class Reaction:
    """What a room does when something has happened: `run(event, key, target)`, with no transaction open."""

    consumer: str
    events: tuple[str, ...]
    run: Callable[[Event, str, str], None]

    def wants(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.events)


_reactions: dict[str, Reaction] = {}


def on(events: str | tuple[str, ...], *, consumer: str, run: Callable[[Event, str, str], None]) -> None:
    """Let `run(event, key, target)` answer every event whose name matches (shell patterns). `consumer` is its stable name."""
    _reactions[consumer] = Reaction(consumer, (events,) if isinstance(events, str) else tuple(events), run)


def reactions() -> list[Reaction]:
    return sorted(_reactions.values(), key=lambda r: r.consumer)


def queue(event: Event) -> None:
    """Write a delivery for each reaction to the event and ring the doorbell after the commit. For `record()` alone."""
    _queue([Delivery(event=event, consumer=r.consumer) for r in reactions() if r.wants(event.name)])


def fan_out(event: Event, consumer: str, targets: Iterable[str] | Mapping[str, datetime]) -> None:
    """Queue one delivery of an event for each target ("user:5"), harmless to repeat. Call it inside a transaction.

    Targets given with instants are delivered then, by the sweep, the others at once.
    """
    known = set(Delivery.objects.filter(event=event, consumer=consumer).values_list("target", flat=True))
    at = targets if isinstance(targets, Mapping) else {}
    _queue(
        [
            Delivery(event=event, consumer=consumer, target=t, **({"due_at": at[t]} if t in at else {}))
            for t in targets
            if t not in known
        ]
    )


def _queue(rows: list[Delivery]) -> None:
    now = timezone.now()
    for row in Delivery.objects.bulk_create(rows):
        if row.due_at <= now:
            transaction.on_commit(lambda pk=row.pk: ring(pk), robust=True)


def ring(delivery_id: int) -> None:
    """Tell a worker, if one can be told. The row waits for the sweep otherwise."""
    from core.tasks import deliver as task  # the face is above; the doorbell is the one step up

    try:
        task.apply_async((delivery_id,), retry=False)
    except Exception as error:
        log.warning("Broker unreachable, delivery %s waits for the sweep: %s", delivery_id, error)


def deliver(delivery_id: int) -> bool:
    """Claim, call, settle one delivery. False when it is not due or another worker has it."""
    row = _claim(delivery_id)
    if row is None:
        return False
    reaction = _reactions.get(row.consumer)
    try:
        if reaction is None:
            raise LookupError(f"No room answers {row.consumer} any more.")
        reaction.run(row.event, row.key, row.target)
    except Exception as error:
        log.exception("Delivery %s (%s) failed", row.pk, row.consumer)
        _settle(row, error)
    else:
        _settle(row, None)
    return True


def _claim(delivery_id: int) -> Delivery | None:
    """The row, with its event and who did it, if this worker is the one to deliver it now. One statement claims."""
    now = timezone.now()
    found = Delivery.objects.filter(pk=delivery_id, due_at__lte=now, state__in=OPEN)
    lapses_at = now + timedelta(seconds=getattr(settings, "OUTBOX_LEASE_S", LEASE_S))
    claim = {"state": DeliveryState.CLAIMED, "attempts": F("attempts") + 1, "due_at": lapses_at}
    if found.filter(attempts__lt=MAX_ATTEMPTS).update(**claim):
        return Delivery.objects.select_related("event", "event__actor").get(pk=delivery_id)
    # nobody lived to settle it: what kills a worker each time must not do so for ever
    why = "The worker died or was too slow at each attempt."
    if found.filter(attempts__gte=MAX_ATTEMPTS).update(state=DeliveryState.DEAD, last_error=why):
        log.error("Delivery %s given up: no attempt was settled", delivery_id)
    return None


def _settle(row: Delivery, error: Exception | None) -> None:
    now = timezone.now()
    # Another attempt number means that somebody else claimed it since.
    mine = Delivery.objects.filter(pk=row.pk, attempts=row.attempts, state=DeliveryState.CLAIMED)
    if error is None:
        mine.update(state=DeliveryState.DONE, done_at=now, last_error="")
    elif row.attempts >= MAX_ATTEMPTS:
        mine.update(state=DeliveryState.DEAD, last_error=f"{type(error).__name__}: {error}"[:2000])
    else:
        wait = timedelta(seconds=2**row.attempts)
        mine.update(
            state=DeliveryState.WAITING, due_at=now + wait, last_error=f"{type(error).__name__}: {error}"[:2000]
        )


def due(limit: int = SWEEP_AT_ONCE) -> list[int]:
    """Ids of deliveries that are due: waiting ones, and claims that lapsed."""
    return list(
        Delivery.objects.filter(due_at__lte=timezone.now(), state__in=OPEN)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    )


def sweep() -> int:
    """Ring again for all that is due. Returns how many."""
    found = due()
    for pk in found:
        ring(pk)
    return len(found)


def retry(delivery_id: int) -> bool:
    """Give a delivery that was given up another round. False when it was not given up."""
    revived = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.DEAD).update(
        state=DeliveryState.WAITING, attempts=0, due_at=timezone.now()
    )
    if revived:
        transaction.on_commit(lambda: ring(delivery_id), robust=True)
    return bool(revived)
