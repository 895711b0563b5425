"""Recording events, and proving that none was changed."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F, Max, OuterRef, Subquery
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from core import outbox
from core.models import Checkpoint, Event, StreamHead


def stream_of(obj) -> str:
    """The stream of a model instance: "release:42"."""
    return f"{obj._meta.model_name}:{obj.pk}"


def record(name: str, obj, /, *, actor, on_behalf_of=None, **payload) -> Event:
    """Append an event to the stream of `obj` and queue its reactions. Call it inside the door's transaction, after the save.

    `payload` is JSON-able. Where `obj` just moved, the states and the gates' answers are added. Raises RuntimeError outside a
    transaction, TypeError for a payload that is not JSON-able, ValueError for a figure that is none (NaN, infinity).
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() belongs inside the door's transaction.")
    if getattr(obj, "moved_by", None) is not None:
        payload.setdefault("transition", obj.moved_by.name)
        payload.setdefault("state", str(obj.state))
        payload.setdefault("gates", [a.as_dict() for a in obj.judged])
        obj.moved_by, obj.judged = None, []
    scope = getattr(obj, "rights_scope", None)
    event = Event(
        stream=stream_of(obj),
        name=name,
        scope=stream_of(scope) if scope is not None else "",
        actor=actor,
        on_behalf_of=on_behalf_of,
        at=timezone.now(),
        payload=_as_stored(json.loads(json.dumps(payload, cls=DjangoJSONEncoder, allow_nan=False))),
    )
    _append(event)
    outbox.queue(event)
    return event


def _as_stored(value):
    """A JSON value as PostgreSQL gives it back, so that its digest still fits: whole numbers without an exponent, no minus zero.

    What its text cannot hold (NUL, half a surrogate pair) becomes U+FFFD.
    """
    if isinstance(value, dict):
        return {_as_stored(key): _as_stored(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_stored(part) for part in value]
    if isinstance(value, str):
        return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, float):
        exact = Decimal(repr(value))
        return int(exact) if exact.as_tuple().exponent >= 0 else value + 0.0
    return value


def _append(event: Event) -> None:
    with connection.cursor() as cursor:
        # The upsert locks the stream's head until the end of the transaction, so positions have no gap and no double.
        cursor.execute(
            "INSERT INTO core_streamhead (stream, seq, digest) VALUES (%s, 0, '') "
            "ON CONFLICT (stream) DO UPDATE SET seq = core_streamhead.seq RETURNING seq, digest",
            [event.stream],
        )
        seq, event.previous = cursor.fetchone()
    event.seq = seq + 1
    event.digest = digest_of(event)
    event.save(force_insert=True)
    StreamHead.objects.filter(pk=event.stream).update(seq=event.seq, digest=event.digest)


def digest_of(event: Event) -> str:
    """SHA-256 over the event's canonical JSON, which names the digest before it."""
    content = [
        event.stream,
        event.seq,
        event.name,
        event.scope,
        event.actor_id,
        event.on_behalf_of_id,
        event.at.isoformat(timespec="microseconds"),
        event.payload,
        event.previous,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Broken:
    """The first thing that does not add up: where, and what."""

    where: str
    what: str


def verify() -> Iterator[Broken]:
    """Walk every stream and checkpoint; yield what does not add up, in the order of the events. Reads in bounded batches.

    Work may go on meanwhile: what is recorded after the start is left to the next walk.
    """
    last: dict[str, tuple[int, str]] = {}
    points = list(Checkpoint.objects.order_by("pk"))
    noted = _noted_positions(points)
    for event in Event.objects.order_by("stream", "seq").iterator(chunk_size=2000):
        seq, previous = last.get(event.stream, (0, ""))
        where = f"event {event.pk} ({event.stream}#{event.seq} {event.name})"
        if event.seq != seq + 1:
            yield Broken(where, f"position {seq + 1} of {event.stream} is missing")
        elif event.previous != previous:
            yield Broken(where, "does not continue the event before it")
        elif event.digest != digest_of(event):
            yield Broken(where, "was changed after it was recorded")
        elif noted.get((event.stream, event.seq), event.digest) != event.digest:
            yield Broken(where, "differs from the signed checkpoint")
        last[event.stream] = (event.seq, event.digest)
    yield from _verify_heads(last)
    yield from _verify_checkpoints(points, last)


def _noted_positions(points: list[Checkpoint]) -> dict[tuple[str, int], str]:
    return {(stream, seq): digest for point in points for stream, (seq, digest) in point.heads.items()}


def _verify_heads(last: dict[str, tuple[int, str]]) -> Iterator[Broken]:
    heads = {h.stream: (h.seq, h.digest) for h in StreamHead.objects.exclude(seq=0).iterator()}
    for stream in sorted(heads.keys() | last.keys()):
        if heads.get(stream) != last.get(stream) and not _head_stands(stream):
            yield Broken(f"stream {stream}", f"its head is {heads.get(stream)}, its last event {last.get(stream)}")


def _head_stands(stream: str) -> bool:
    """Whether head and last event agree now, read in one statement: the stream may have grown since they were read apart."""
    newest = Event.objects.filter(stream=OuterRef("pk")).order_by("-seq")
    head = StreamHead.objects.annotate(
        last_seq=Subquery(newest.values("seq")[:1]), last_digest=Subquery(newest.values("digest")[:1])
    )
    return head.filter(pk=stream, seq=F("last_seq"), digest=F("last_digest")).exists()


def _verify_checkpoints(points: list[Checkpoint], last: dict[str, tuple[int, str]]) -> Iterator[Broken]:
    previous = ""
    for point in points:
        if point.previous != previous or not constant_time_compare(point.signature, _sign(point)):
            yield Broken(f"checkpoint {point.pk}", "its signature does not hold")
        for stream, (seq, _digest) in point.heads.items():
            if last.get(stream, (0, ""))[0] < seq:
                yield Broken(
                    f"stream {stream}", f"checkpoint {point.pk} saw {seq} events, {last.get(stream, (0,))[0]} are left"
                )
        previous = point.signature


def _sign(point: Checkpoint) -> str:
    content = json.dumps([point.at.isoformat(timespec="microseconds"), point.heads, point.previous], sort_keys=True)
    return salted_hmac("slipway.checkpoint", content, algorithm="sha256").hexdigest()


@transaction.atomic
def take_checkpoint() -> Checkpoint | None:
    """Sign the heads of all streams that moved since the last checkpoint. None when nothing moved."""
    with connection.cursor() as cursor:
        # Two beats: one checkpoint after the other. No table lock, for which older servers ask a right that nobody has.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('core.checkpoint'))")
    known: dict[str, int] = {}
    for heads in Checkpoint.objects.order_by("pk").values_list("heads", flat=True).iterator():
        known |= {stream: seq for stream, (seq, _digest) in heads.items()}
    moved = {h.stream: [h.seq, h.digest] for h in StreamHead.objects.exclude(seq=0) if known.get(h.stream) != h.seq}
    if not moved:
        return None
    newest = Checkpoint.objects.aggregate(pk=Max("pk"))["pk"]
    previous = Checkpoint.objects.get(pk=newest).signature if newest else ""
    point = Checkpoint(at=timezone.now(), heads=moved, previous=previous)
    point.signature = _sign(point)
    point.save()
    return point
