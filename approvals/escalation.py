"""The clock of each rule of a running request: who is reminded when, when it goes to the leads of their teams, when it runs out.

A rule is reminded of at half of its time, again at three quarters, and goes to the leads at nine tenths; then the request
expires. A retrospective request never does: once overdue it goes to the change managers and is reminded of every day.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value, prefetch_related_objects
from django.utils import timezone

from accounts import hours, policy
from accounts.models import Team, User
from approvals import clock, matching, tally
from approvals.models import ApprovalRequest, RequestRule
from approvals.states import Clock, Purpose, RequestState
from approvals.subjects import kind_of
from core import wording

REMINDER, REMINDER_AGAIN, ESCALATION, END = "reminder", "second reminder", "escalation", "end"
HALF, THREE_QUARTERS, NINE_TENTHS = 0.5, 0.75, 0.9
DAY = timedelta(days=1)
AT_ONCE = 100  # requests that are judged together


@dataclass(frozen=True)
class Step:
    """One thing that the clock of a rule will do, if the rule is still open then."""

    kind: str
    at: datetime
    rule: RequestRule
    words: str

    def __str__(self) -> str:
        return f"{self.words} {wording.near(self.at)}"


# When


def plan(rule: RequestRule, calendars: Collection[hours.Calendar], *, retrospective: bool) -> list[Step]:
    """What the clock of a running rule has not done yet, in order. The end is the last step; it stamps nothing."""
    found = []
    if rule.reminded_at is None:
        found.append(Step(REMINDER, clock.passed(rule, HALF, calendars), rule, "reminder"))
    if rule.reminded_again_at is None:
        found.append(Step(REMINDER_AGAIN, clock.passed(rule, THREE_QUARTERS, calendars), rule, "second reminder"))
    if retrospective:
        found.append(Step(END, rule.due_at, rule, "overdue"))
        if rule.escalated_at is None:
            found.append(Step(ESCALATION, rule.due_at, rule, "to the change managers"))
        return found
    if rule.escalated_at is None:
        found.append(Step(ESCALATION, clock.passed(rule, NINE_TENTHS, calendars), rule, "to the leads of their teams"))
    return [*found, Step(END, rule.due_at, rule, "expires")]


def overdue_day(rule: RequestRule, now: datetime) -> datetime:
    """The last instant, whole days after it was due, at which an overdue rule is reminded of."""
    return rule.due_at + DAY * ((now - rule.due_at) // DAY)


def due_steps(
    rule: RequestRule, calendars: Collection[hours.Calendar], now: datetime, *, retrospective: bool
) -> list[str]:
    """What is to be done for a rule now: of two reminders that are both due the later one alone, and the escalation.

    An overdue retrospective one is reminded of once a day from its end on.
    """
    come = {s.kind for s in plan(rule, calendars, retrospective=retrospective) if s.at <= now} - {END}
    if retrospective and rule.due_at <= now:
        told = rule.reminded_again_at is not None and rule.reminded_again_at >= overdue_day(rule, now)
        come = (come - {REMINDER, REMINDER_AGAIN}) | (set() if told else {REMINDER_AGAIN})
    if REMINDER_AGAIN in come:
        come.discard(REMINDER)
    return [kind for kind in (REMINDER, REMINDER_AGAIN, ESCALATION) if kind in come]


def running(request: ApprovalRequest) -> list[RequestRule]:
    """The rules whose clock runs: of a pending request, those that are asked now and still open, by the sheet as last frozen."""
    if request.state != RequestState.PENDING:
        return []
    return [open_.rule for open_ in tally.count(request, request.digests).asked if open_.rule.opened_at]


def people_of(request: ApprovalRequest) -> dict[str, set[int]]:
    """{who: ids} of those whose hours a rule's clock follows: all who could approve it, as when it was opened."""
    rules = [rule for rule in request.rules.all() if rule.clock == Clock.WORKING]
    found = matching.eligible(request.subject, rules, request.requester_id, request) if rules else {}
    return {key: set(people) for key, people in found.items()}


def schedule(request: ApprovalRequest, now: datetime | None = None) -> list[Step]:
    """What the clock does next for the rules that are open now, in order; empty while it stands."""
    now, people = now or timezone.now(), people_of(request)
    calendars = hours.calendars({pk for ids in people.values() for pk in ids}) if people else {}
    steps = [
        step
        for rule in running(request)
        for step in plan(rule, _of(calendars, people, rule), retrospective=request.is_retrospective)
    ]
    order = [REMINDER, REMINDER_AGAIN, END, ESCALATION] if request.is_retrospective else None
    order = order or [REMINDER, REMINDER_AGAIN, ESCALATION, END]
    return sorted((s for s in steps if s.at > now), key=lambda s: (s.at, order.index(s.kind), s.rule.pk))


def _of(calendars: dict[int, hours.Calendar], people: dict[str, set[int]], rule: RequestRule) -> list[hours.Calendar]:
    return [calendars[pk] for pk in sorted(people.get(rule.who, ())) if pk in calendars]


def in_words(request: ApprovalRequest) -> str:
    """ "reminder today, 10:00; to the leads of their teams Wed 15 Nov, 15:00; expires Thu 16 Nov, 12:00", the next of each."""
    first: dict[str, Step] = {}
    for step in schedule(request):
        first.setdefault(step.kind, step)
    if request.is_retrospective and request.state == RequestState.PENDING and request.due_at <= timezone.now():
        return f"overdue since {wording.near(request.due_at)}; reminded of every day until it is given"
    return "; ".join(str(step) for step in first.values())


# For whom


@dataclass(frozen=True)
class Helpers:
    """Who could still give what a rule lacks: those away left out of `present`, stand-ins beside them."""

    owners: dict[int, User]
    present: frozenset[int]
    stand_ins: dict[int, User]

    @property
    def reachable(self) -> set[User]:
        """Whom a reminder goes to: whoever is not away, and stand-ins."""
        return {self.owners[pk] for pk in self.present} | set(self.stand_ins.values())


def helpers(request: ApprovalRequest, key: str) -> Helpers:
    """Of one rule of a request, by whom it asks (`key`). Empty when it is met, or no longer among the rules."""
    rules = list(request.rules.all())
    seats = matching.seats(request.subject, rules, request.requester_id, request)
    counted = tally.count(request, request.digests, {who: set(those) for who, those in seats.people.items()})
    found = next((r for r in counted.rules if r.rule.who == key and not r.met), None)
    if found is None:
        return Helpers({}, frozenset(), {})
    acted = {pk for v in tally.cast(request) for pk in (v.person_id, v.seat_id)}
    owners = {pk: user for pk, user in seats.people[key].items() if pk in found.could_help and pk not in acted}
    stand_ins = {
        d.stand_in_id: d.stand_in
        for those in seats.stand_ins.values()
        for d in those
        if d.person_id in owners and d.stand_in_id not in acted and (not d.who or d.who in key.split(","))
    }
    return Helpers(owners, frozenset(owners) & seats.present, stand_ins)


def leads(request: ApprovalRequest, key: str) -> set[User]:
    """Whom a rule goes to before it runs out: the leads of the teams of those who could still give it.

    Where they are in no team with a lead, and for a retrospective request, the change managers of the product.
    """
    if not request.is_retrospective:
        could = helpers(request, key)
        members = {*could.owners, *could.stand_ins}
        rows = Team.objects.filter(members__in=members, lead__is_active=True, lead__is_service=False)
        found = {team.lead for team in rows.select_related("lead")}
        if found:
            return found
    return set(policy.holders("change-manager", request))


# Which now


def due_requests(now: datetime | None = None) -> Iterator[int]:
    """Ids of requests for whose rules something is to be done now. Reads in batches; each costs the same number of queries."""
    now, last = now or timezone.now(), 0
    while batch := _batch(now, last):
        last = batch[-1].pk
        yield from _due_of(batch, now)


def _batch(now: datetime, after: int) -> list[ApprovalRequest]:
    this = Value(now, output_field=DateTimeField())
    as_long_again = ExpressionWrapper(this + (this - F("rules__opened_at")), output_field=DateTimeField())
    half_gone = Q(rules__clock=Clock.WORKING) | Q(rules__due_at__lte=as_long_again)
    unfinished = Q(rules__escalated_at__isnull=True) | Q(purpose=Purpose.RETROSPECTIVE)
    rows = ApprovalRequest.objects.pending().filter(half_gone, unfinished, rules__opened_at__lte=now, pk__gt=after)
    ids = list(rows.order_by("pk").values_list("pk", flat=True).distinct()[:AT_ONCE])
    found = ApprovalRequest.objects.filter(pk__in=ids).with_subjects().defer("sheet").order_by("pk")
    return list(found.prefetch_related("rules", "votes"))


def _due_of(batch: list[ApprovalRequest], now: datetime) -> list[int]:
    with_hours = [r for r in batch if any(rule.clock == Clock.WORKING for rule in r.rules.all())]
    _read_tables(with_hours)
    people = {request.pk: people_of(request) for request in with_hours}
    calendars = hours.calendars({pk for by_who in people.values() for ids in by_who.values() for pk in ids})
    return [
        request.pk
        for request in batch
        if any(
            due_steps(
                rule,
                _of(calendars, people.get(request.pk, {}), rule),
                now,
                retrospective=request.is_retrospective,
            )
            for rule in running(request)
        )
    ]


def _read_tables(requests: Iterable[ApprovalRequest]) -> None:
    """Fetch at once what is read of the subjects of each kind to know who could approve."""
    by_kind: dict[str, list] = {}
    for request in requests:
        by_kind.setdefault(request.kind, []).append(request.subject)
    for subjects in by_kind.values():
        prefetch_related_objects(subjects, *kind_of(subjects[0]).parts, *matching.TABLES)
