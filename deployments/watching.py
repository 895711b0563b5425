"""What is new about a deployment, told to everybody who watches it for the price of one.

Watchers ask each second or sooner. What they are told does not depend on who they are, but for the time zone, so each process
reads and draws it once in a while (`FRESH_S`) and keeps it. docs/decisions/live-by-polling.md has the measurements.
"""

import hashlib
import json
import time
from dataclasses import dataclass

from django.core import signing
from django.core.cache import caches
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from deployments.models import Deployment, LogLine, Run, Sample
from deployments.picture import Picture

FRESH_S = 0.3
CLOCK_S = 5  # spans of time on the page are drawn anew so often
TICKET_S = 60
EVERY_MS, EVERY_MS_IN_A_CROWD = 500, 1000
CROWD = 100  # pulses that one process answers in a second
SALT = "deployments.watching"
PARTS = ("release__product", "candidate__release", "environment__product", "environment__verification", "previous")


@dataclass(frozen=True)
class Ticket:
    """Leave to watch one deployment for TICKET_S seconds; the rights were asked when it was given. `zone` is the reader's."""

    deployment: int
    zone: str

    def sealed(self) -> str:
        return signing.dumps([self.deployment, self.zone], salt=SALT, compress=True)


def ticket(sealed: str) -> Ticket | None:
    """The ticket that was sealed, None when it is over or not ours."""
    try:
        return Ticket(*signing.loads(sealed, salt=SALT, max_age=TICKET_S))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def mark(deployment_id: int) -> str:
    """A short text that differs when what watchers see has changed; at most FRESH_S seconds old. "" when it is gone."""
    return _kept(f"mark:{deployment_id}", lambda: _mark(deployment_id))


def _mark(deployment_id: int) -> str:
    row = (
        Deployment.objects.filter(pk=deployment_id).values_list("state", "state_since", "detail", "held_reason").first()
    )
    if row is None:
        return ""
    runs = Run.objects.filter(deployment=deployment_id)
    seen = [
        row,
        list(runs.values_list("pk", "state", "progress", "detail")),
        LogLine.objects.filter(run__deployment=deployment_id).aggregate(last=Max("pk"))["last"],
        Sample.objects.filter(deployment=deployment_id).aggregate(last=Max("pk"))["last"],
        time.time() // CLOCK_S,
    ]
    return hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()[:12]


def news(given: Ticket, after: int, state: str) -> tuple[str, bool]:
    """(the partials of a deployment as it is now with the lines of its log after line `after`, whether it has ended)."""
    key = f"news:{given.deployment}:{given.zone}:{after}:{state}:{mark(given.deployment)}"
    return _kept(key, lambda: _news(given, after, state), fresh_s=CLOCK_S)


def _news(given: Ticket, after: int, state: str) -> tuple[str, bool]:
    row = Deployment.objects.select_related(*PARTS).get(pk=given.deployment)
    context = {
        "deployment": row,
        "picture": Picture(row, after=after),
        "is_polled": not row.has_ended,
        "ticket": given.sealed(),
        "mark": mark(given.deployment),
        "is_moved": row.state != state,
        "every_ms": every_ms(),
    }
    with timezone.override(given.zone):
        return render_to_string("deployments/_news.html", context), row.has_ended


def count_a_pulse() -> None:
    """Keep how often this process is asked."""
    key = f"pulses:{int(time.monotonic())}"
    caches["here"].add(key, 0, 3)
    caches["here"].incr(key)


def every_ms() -> int:
    """How often watchers ask: less often where this process was asked a lot in the last second."""
    asked = caches["here"].get(f"pulses:{int(time.monotonic()) - 1}", 0)
    return EVERY_MS_IN_A_CROWD if asked > CROWD else EVERY_MS


def _kept(key: str, make, fresh_s: float | None = None):
    kept = caches["here"]
    found = kept.get(key)
    if found is None:
        found = make()
        kept.set(key, found, FRESH_S if fresh_s is None else fresh_s)
    return found
