"""What is new about a deployment, told to everybody who watches it for the price of one.

Watchers ask each second or sooner. What they are told does not depend on who they are, but for the time zone, so each process
reads and draws it once in a while (`FRESH_S`) and keeps it: the panels, and the newest lines of the log.
docs/decisions/live-by-polling.md has the measurements.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core import signing
from django.core.cache import caches
from django.db.models import Max
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from deployments.models import Deployment, LogLine, Run, Sample
from deployments.picture import LINES_MAX, Line, Picture, level_of

FRESH_S = 0.3
CLOCK_S = 5  # spans of time on the page are drawn anew so often
TICKET_S = 60
EVERY_MS, EVERY_MS_IN_A_CROWD = 500, 1000
CROWD = 100  # pulses that one process answers in a second
NEWEST = 200  # lines that are kept drawn
SALT = "deployments.watching"
PARTS = (
    "release__product",
    "candidate__release",
    "environment__product",
    "environment__verification",
    "previous",
    "held_by",
    "created_by",
)
POLL = '<div id="poll" data-live hx-get="{}?{}" hx-trigger="{}" hx-swap="outerHTML"></div>'


@dataclass(frozen=True)
class Ticket:
    """Leave to watch one deployment for TICKET_S seconds; the rights were asked when it was given. `zone` is the reader's."""

    deployment: int
    zone: str

    def sealed(self) -> str:
        return signing.dumps([self.deployment, self.zone], salt=SALT)


def ticket(sealed: str) -> Ticket | None:
    """The ticket that was sealed, None when it is over or not ours."""
    try:
        return Ticket(*signing.loads(sealed, salt=SALT, max_age=TICKET_S))
    except (signing.BadSignature, TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Stand:
    """How far a deployment is: `mark` differs when its panels do, `last` is the number of the newest line of its log."""

    state: str
    mark: str
    last: int


def stand(deployment_id: int) -> Stand:
    """At most FRESH_S seconds old. Raises Deployment.DoesNotExist."""
    return _kept(f"stand:{deployment_id}", lambda: _stand(deployment_id))


def _stand(deployment_id: int) -> Stand:
    row = Deployment.objects.only("state", "state_since", "detail", "held_reason").get(pk=deployment_id)
    seen = [
        [row.state, row.state_since, row.detail, row.held_reason, time.time() // CLOCK_S],
        list(Run.objects.filter(deployment=deployment_id).values_list("pk", "state", "progress", "detail")),
        Sample.objects.filter(deployment=deployment_id).aggregate(last=Max("pk"), closed=Max("closed_at")),
    ]
    last = LogLine.objects.filter(run__deployment=deployment_id).aggregate(last=Max("pk"))["last"]
    return Stand(row.state, hashlib.sha256(json.dumps(seen, default=str).encode()).hexdigest()[:12], last or 0)


def poll(given: str, deployment_id: int, now: Stand) -> SafeString:
    """What asks for news, for the holder of a sealed ticket who has seen how it stands now."""
    address = reverse("deployments:pulse", args=[deployment_id, given])
    seen = urlencode({"after": now.last, "state": now.state, "mark": now.mark})
    return format_html(POLL, address, seen, f"every {every_ms()}ms")


def ask_anew(deployment_id: int, after: int, state: str = "") -> SafeString:
    """What asks at once with the reader's own rights: for another ticket, and for buttons other than those of `state`."""
    seen = urlencode({"after": after, "state": state})
    return format_html(POLL, reverse("deployments:progress", args=[deployment_id]), seen, "load")


def news(given: Ticket, sealed: str, after: int, state: str, mark: str) -> str:
    """The partials for who has seen the panels of `mark`, in `state`, and the log up to line `after`; "" when nothing is new.

    Raises Deployment.DoesNotExist.
    """
    now = stand(given.deployment)
    if now.state != state:
        return ask_anew(given.deployment, after)
    if (now.mark, now.last) == (mark, after):
        return ""
    parts = [poll(sealed, given.deployment, now)]
    if now.mark != mark:
        parts.append(_kept(f"panels:{given.deployment}:{given.zone}:{now.mark}", lambda: _panels(given), CLOCK_S))
    if now.last > after:
        parts.append(f'<ol hx-swap-oob="beforeend:#log-lines">{_lines_after(given, now, after)}</ol>')
    return "".join(parts)


def _panels(given: Ticket) -> str:
    row = Deployment.objects.select_related(*PARTS).get(pk=given.deployment)
    with timezone.override(given.zone):
        return render_to_string("deployments/_panels.html", {"deployment": row, "picture": Picture(row)})


def _lines_after(given: Ticket, now: Stand, after: int) -> str:
    key = f"lines:{given.deployment}:{given.zone}:{now.last}"
    newest = _kept(key, lambda: _drawn(given, now, 0)[-NEWEST:], CLOCK_S)
    if newest and len(newest) == NEWEST and newest[0][0] > after + 1:  # somebody who has been away for a while
        newest = _drawn(given, now, after)
    return "".join(text for number, text in newest if number > after)


def _drawn(given: Ticket, now: Stand, after: int) -> list[tuple[int, str]]:
    """[(number, markup)] of the newest lines after `after`, up to where it stands."""
    rows = LogLine.objects.filter(run__deployment=given.deployment, pk__gt=after, pk__lte=now.last)
    wanted = LINES_MAX if after else NEWEST
    found = list(rows.order_by("-pk").only("pk", "at", "text")[:wanted])[::-1]
    with timezone.override(given.zone):
        return [
            (
                row.pk,
                render_to_string(
                    "deployments/_lines.html", {"lines": [Line(row.pk, row.at, level_of(row.text), row.text)]}
                ),
            )
            for row in found
        ]


def count_a_pulse() -> None:
    """Keep how often this process is asked."""
    key = f"pulses:{int(time.monotonic())}"
    caches["here"].add(key, 0, 3)
    caches["here"].incr(key)


def every_ms() -> int:
    """How often watchers ask: less often where this process was asked a lot in the last second."""
    asked = caches["here"].get(f"pulses:{int(time.monotonic()) - 1}", 0)
    return EVERY_MS_IN_A_CROWD if asked > CROWD else EVERY_MS


def _kept(key: str, make: Callable[[], object], fresh_s: float | None = None):
    kept = caches["here"]
    found = kept.get(key)
    if found is None:
        found = make()
        kept.set(key, found, FRESH_S if fresh_s is None else fresh_s)
    return found
