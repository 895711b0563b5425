"""Trying a policy on something real: which rows match and why, what follows, and who could give it today. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date

from django.db.models import Q, prefetch_related_objects
from django.utils import timezone

from accounts.models import User
from approvals import guards, matching, who
from approvals.matching import Condition, Match, WantedRule
from approvals.models import ApprovalRequest, Policy, PolicyRow, Rule
from approvals.models.tables import SIGHT, teams_of
from approvals.states import Subject
from approvals.subjects import Facts, facts_of, kind_of
from core import wording
from core.whole_table import give
from releases.models import Change, Product, Release

SHOWN = 10  # subjects that a search lists


@dataclass(frozen=True)
class TriedRow:
    """One row held against the facts. `decides` where its rules are asked."""

    row: PolicyRow
    conditions: list[Condition]
    decides: bool

    @property
    def matches(self) -> bool:
        return all(condition.holds for condition in self.conditions)

    @property
    def why(self) -> str:
        """Why its rules are asked, or why not, as a sentence."""
        if self.decides:
            return "Its rules are asked." if self.conditions else "It states no condition: its rules are asked."
        if self.matches:
            return "It matches too, but an earlier row decides."
        failing = [c.name for c in self.conditions if not c.holds]
        return f"{wording.listed(failing).capitalize()} {'does' if len(failing) == 1 else 'do'} not fit."


@dataclass(frozen=True)
class Candidate:
    """Somebody whose place could fill a rule. Away until the deadline: `stand_in` votes for them, if anybody does."""

    person: User
    away: bool = False
    stand_in: User | None = None


@dataclass(frozen=True)
class TriedRule:
    """A rule that would be asked, and who could fill it today."""

    rule: WantedRule
    people: list[Candidate]


@dataclass(frozen=True)
class Trial:
    """What a policy says of a subject. `is_stored` tells that the facts are those of a request, kept when it was opened."""

    policy: Policy
    facts: Facts
    on: date
    is_stored: bool
    rows: list[TriedRow]
    match: Match | None
    rules: list[TriedRule] = field(default_factory=list)
    barred: list[User] = field(default_factory=list)
    trouble: str = ""
    product: Product | None = None

    @property
    def is_possible(self) -> bool:
        return self.match is not None and not self.trouble


# What is tried


def of_facts(policy: Policy, facts: Facts, on: date | None = None, *, is_stored: bool = False) -> Trial:
    """Which rows of a version match, whatever it is about. Who could fill the rules is not known without a subject."""
    on = on or timezone.now().date()
    match = matching.match(policy.rows.all(), policy.mode, facts, on)
    deciding = {row.pk for row in match.rows} if match else set()
    product = Product.objects.filter(pk=facts.product).first() if facts.product else None
    rows = [
        TriedRow(row, _in_words(matching.conditions(row, facts, on), product), row.pk in deciding)
        for row in matching.in_order(policy.rows.all())
    ]
    trouble = "" if match else "No row matches: nothing could be asked, and so nothing could be approved."
    rules = [TriedRule(rule, []) for rule in match.rules] if match else []
    return Trial(policy, facts, on, is_stored, rows, match, rules, trouble=trouble, product=product)


def _in_words(conditions: list[Condition], product: Product | None) -> list[Condition]:
    """The conditions with the product by its name."""
    name = product.name if product else "none"
    return [replace(c, found=name) if c.name == "product" else c for c in conditions]


def of_subject(policy: Policy, subject, requester: User | None = None) -> Trial:
    """A version on a release, a change or another subject as it is now."""
    prepare([subject], policy)
    return _with_people(of_facts(policy, facts_of(subject)), subject, requester)


def of_request(policy: Policy, request: ApprovalRequest) -> Trial:
    """A version on a request of the past: on the facts that its rows were asked about then, and the people of today."""
    prepare([request.subject], policy)
    facts, is_stored = facts_then(request)
    tried = of_facts(policy, facts, day_of(request), is_stored=is_stored)
    return _with_people(tried, request.subject, request.requester)


def facts_then(request: ApprovalRequest) -> tuple[Facts, bool]:
    """(what the rows were asked about when the request was opened, True), or those of its subject as it is now and False."""
    known = {f.name for f in fields(Facts)}
    stored = {name: value for name, value in request.facts.items() if name in known}
    return (Facts(**stored), True) if "subject" in stored else (facts_of(request.subject), False)


def day_of(request: ApprovalRequest) -> date:
    """The day (UTC) on which its rows were asked."""
    return request.opened_at.date()


def prepare(subjects: Iterable, policy: Policy) -> None:
    """Fetch what the facts and the rules of a version read of subjects of one kind, whatever their number."""
    subjects = list(subjects)
    if subjects:
        prefetch_related_objects(subjects, *kind_of(subjects[0]).parts, *matching.TABLES)
        _add_named(subjects, [*Rule.objects.filter(row__policy=policy).values_list("who", flat=True)])


def _add_named(subjects: list, whos: list[str]) -> None:
    """A retired version may name people and teams whom no rule of today asks: read with what they may see, as all are."""
    known = {user.pk: user for user in subjects[0].named_table.all()}
    if missing := {int(pk) for pk in who.names(whos, "person")} - known.keys():
        people = User.objects.filter(pk__in=missing).prefetch_related(*SIGHT)
        give(subjects, "named_table", [*known.values(), *people])
    teams = {team.slug: team for team in subjects[0].team_table.all()}
    if missing := set(who.names(whos, "team")) - teams.keys():
        give(subjects, "team_table", [*teams.values(), *teams_of(missing)])


# Who could give it


def _with_people(tried: Trial, subject, requester: User | None) -> Trial:
    if tried.match is None:
        return tried
    rules, asks = tried.match.rules, requester.pk if requester else kind_of(subject).asks(subject)
    now = timezone.now()
    seats = matching.seats(subject, rules, asks, tried.match, until=matching.horizon(rules, now), at=now)
    return replace(
        tried,
        rules=[TriedRule(rule, _candidates(rule, seats)) for rule in rules],
        barred=_barred(subject, rules, asks, tried.match),
        trouble=trouble(subject, tried.match, requester),
    )


def trouble(subject, match: Match, requester: User | None) -> str:
    """Why the rules cannot be met with the people of today; "" when they can."""
    if requester is not None:
        subject.asking = requester
    found = guards.rules_impossible(subject, match.rules, wording.listed(match.names), match)
    return " ".join(blocker.message for blocker in found)


def _candidates(rule: WantedRule, seats: matching.Seats) -> list[Candidate]:
    found = []
    for pk, person in seats.people[rule.who].items():
        away = pk not in seats.present
        found.append(Candidate(person, away, _stand_in(pk, rule.who, seats) if away else None))
    return sorted(found, key=lambda c: (c.away and c.stand_in is None, c.person.name, c.person.pk))


def _stand_in(person_id: int, asked: str, seats: matching.Seats) -> User | None:
    selectors = asked.split(",")
    return next(
        (
            d.stand_in
            for delegations in seats.stand_ins.values()
            for d in delegations
            if d.person_id == person_id and (not d.who or d.who in selectors)
        ),
        None,
    )


def _barred(subject, rules: Iterable[WantedRule], asks: int | None, match: Match) -> list[User]:
    """Who holds a place in the rules but never counts here: whoever asks, and whoever wrote it."""
    out = matching.barred(subject, asks, match)
    held = matching.people_by_who(subject, [rule.who for rule in rules])
    found = {pk: user for people in held.values() for pk, user in people.items() if pk in out}
    return sorted(found.values(), key=lambda user: (user.name, user.pk))


# What can be chosen


def past_requests(user: User, subject: str, words: str = "") -> list[ApprovalRequest]:
    """The newest requests of a kind in the reader's sight whose release or change is named so."""
    rows = ApprovalRequest.objects.visible_to(user).deciding().filter(kind=subject).with_subjects().defer("sheet")
    for word in words.split()[:5]:
        rows = rows.filter(
            Q(product__name__icontains=word)
            | Q(release__version__icontains=word)
            | Q(release__title__icontains=word)
            | Q(change__key__icontains=word)
            | Q(change__title__icontains=word)
        )
    return list(rows.order_by("-opened_at", "-pk")[:SHOWN])


LIVE = {Subject.RELEASE.value: Release, Subject.CHANGE.value: Change}
NAMED = {Release: ("product__name", "version", "title"), Change: ("product__name", "key", "title")}


def live_subjects(user: User, subject: str, words: str = "") -> list:
    """The newest releases or changes in the reader's sight that are named so; other kinds have none."""
    model = LIVE.get(subject)
    if model is None:
        return []
    rows = model.objects.visible_to(user).select_related("product")
    for word in words.split()[:5]:
        named = Q()
        for name in NAMED[model]:
            named |= Q(**{f"{name}__icontains": word})
        rows = rows.filter(named)
    return list(rows.order_by("-pk")[:SHOWN])


def live_subject(user: User, subject: str, pk: int):
    """One of them. Raises its DoesNotExist, KeyError for a kind that has none."""
    joins = {Release: ("product", "candidate", "manager"), Change: ("product", "release")}
    model = LIVE[subject]
    return model.objects.visible_to(user).select_related(*joins[model]).get(pk=pk)
