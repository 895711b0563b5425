"""The versions of the policies: which held when, which are being worked on, and how two of them differ. Reads only."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q
from django.utils import timezone

from approvals import matching
from approvals.models import Policy, PolicyRow
from approvals.states import PolicyState, Subject
from approvals.subjects import policy as sentences

OPEN = (PolicyState.DRAFT, PolicyState.PROPOSED, PolicyState.SCHEDULED)
HELD = (PolicyState.IN_FORCE, PolicyState.RETIRED)


def whole():
    """Versions with everything that their pages show, in a number of queries that does not grow."""
    return Policy.objects.select_related("created_by", "based_on").prefetch_related("rows__rules", "rows__product")


@dataclass(frozen=True)
class Line:
    """The versions of one kind of subject: that in force (None: none), and those being worked on; `earlier` counts the others."""

    subject: Subject
    in_force: Policy | None = None
    open: list[Policy] = field(default_factory=list)
    earlier: int = 0


def lines() -> list[Line]:
    """One line per kind of subject, in the order in which a release meets them."""
    shown = list(whole().filter(state__in=[PolicyState.IN_FORCE, *OPEN]).order_by("-version"))
    over = Count("pk", filter=~Q(state__in=[PolicyState.IN_FORCE, *OPEN]))
    counts = dict(Policy.objects.order_by().values_list("subject").annotate(n=over))
    return [
        Line(
            subject,
            next((p for p in shown if p.subject == subject and p.state == PolicyState.IN_FORCE), None),
            [p for p in shown if p.subject == subject and p.state in OPEN],
            counts.get(subject.value, 0),
        )
        for subject in Subject
    ]


def held_on(day: date) -> list[Policy]:
    """The versions that held at some instant of a day, by the reader's clock, in the order of subjects and of time."""
    start = timezone.make_aware(datetime.combine(day, time.min))
    end = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    rows = whole().filter(state__in=HELD, valid_from__lt=end)
    rows = rows.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=start))
    order = list(Subject.values)
    return sorted(rows, key=lambda p: (order.index(p.subject), p.valid_from))


def history(subject: str):
    """Every version of a kind of subject, the newest first."""
    return Policy.objects.filter(subject=subject).select_related("created_by", "based_on").order_by("-version")


def outdated(policy: Policy) -> Policy | None:
    """The version in force that came after an open one was begun; None while it still is based on what holds."""
    if policy.state not in OPEN:
        return None
    in_force = Policy.objects.in_force().filter(subject=policy.subject).first()
    newer = in_force and in_force.valid_from and in_force.valid_from > policy.created_at
    return in_force if newer and in_force.pk != policy.based_on_id else None


# How two versions differ


def difference(old: Policy, new: Policy) -> list[dict]:
    """What differs, for the diff macro: [{field, was, now, removed, added}]; a row is told by its name."""
    before, after = _by_name(old), _by_name(new)
    found = []
    if old.mode != new.mode:
        found.append({"field": "Mode", "was": old.get_mode_display(), "now": new.get_mode_display()})
    for name in [*after, *(n for n in before if n not in after)]:
        was, now = (_said(rows[name]) if name in rows else [] for rows in (before, after))
        if was != now:
            removed, added = [t for t in was if t not in now], [t for t in now if t not in was]
            found.append({"field": name, "removed": removed, "added": added})
    was, now = ([n for n in rows if n in before and n in after] for rows in (before, after))
    if was != now:
        found.append({"field": "Order of the rows", "was": ", ".join(was), "now": ", ".join(now)})
    return found


def alike(old: Policy, new: Policy) -> list[str]:
    """Names of the rows that both say alike."""
    before, after = _by_name(old), _by_name(new)
    return [name for name in after if name in before and _said(before[name]) == _said(after[name])]


def _by_name(policy: Policy) -> dict[str, PolicyRow]:
    return {row.name: row for row in matching.in_order(policy.rows.all())}


def _said(row: PolicyRow) -> list[str]:
    """What a row says, one sentence each."""
    when = [f"when {condition}" for condition in sentences.conditions(row)] or ["always"]
    return [*when, *(f"asks {rule}" for rule in sentences.rules(row)), *sentences.consequences(row)]
