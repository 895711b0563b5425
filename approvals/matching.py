"""Which rows of a policy decide over a subject, and who may fill their rules."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone

from accounts import policy as rights
from accounts.hours import absent_throughout
from approvals import quorum, who
from approvals.states import Clock, Mode
from approvals.subjects import Facts, facts_of, kind_of

# The relations that matching and eligibility read of any subject.
TABLES = (
    "policy_table",
    "freeze_table",
    "grant_table",
    "team_table",
    "named_table",
    "absence_table",
    "delegation_table",
)


# Which rows match


@dataclass(frozen=True)
class WantedRule:
    """A rule as a request will ask it: what the matching rows say of the same people, put together."""

    who: str
    label: str
    need: int
    veto: bool
    stage: int
    facets: list[str]
    deadline_hours: int
    clock: str

    def as_dict(self) -> dict:
        """For records and comparisons."""
        return {"who": self.who, "label": self.label, "need": self.need, "veto": self.veto, "stage": self.stage}


@dataclass(frozen=True)
class Match:
    """The rows that decide over a subject, and what follows from them together."""

    rows: list
    rules: list[WantedRule]

    @property
    def policy(self):
        return self.rows[0].policy

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.rows]

    @property
    def allow_bulk(self) -> bool:
        return all(row.allow_bulk for row in self.rows)

    @property
    def count_requester(self) -> bool:
        return all(row.count_requester for row in self.rows)

    @property
    def count_author(self) -> bool:
        return all(row.count_author for row in self.rows)

    @property
    def deadline_hours(self) -> int:
        return min(row.deadline_hours for row in self.rows)

    @property
    def afterwards(self) -> list[tuple[str, int]]:
        """(name of the row that is asked afterwards, hours)."""
        return [(row.afterwards, row.afterwards_hours) for row in self.rows if row.afterwards]


@dataclass(frozen=True)
class Condition:
    """One condition of a row held against one fact, for whoever asks why a row matches or does not."""

    name: str
    wanted: str
    found: str
    holds: bool


def match_for(subject) -> Match | None:
    """The rows in force that decide over a subject as it is now; None where none matches."""
    facts = facts_of(subject)
    rows = [row for row in subject.policy_table.all() if row.policy.subject == facts.subject]
    return match(rows, rows[0].policy.mode if rows else Mode.FIRST, facts)


def match(rows: Iterable, mode: str, facts: Facts, on: date | None = None) -> Match | None:
    """The rows of one policy that match `facts` on a day (today in UTC by default): the first, or all, as its mode says."""
    found = [row for row in in_order(rows) if matches(row, facts, on)]
    found = found[:1] if mode == Mode.FIRST else found
    return Match(found, side_by_side(found)) if found else None


def in_order(rows: Iterable) -> list:
    return sorted(rows, key=lambda row: (row.position, row.pk))


def matches(row, facts: Facts, on: date | None = None) -> bool:
    """Whether all conditions of a row hold; an empty condition holds for everything."""
    return all(condition.holds for condition in conditions(row, facts, on))


def conditions(row, facts: Facts, on: date | None = None) -> list[Condition]:
    """Each condition that a row states, with what was found. Those that say "any" are left out."""
    on = on or timezone.now().date()
    found = []
    if row.product_id is not None:
        found.append(Condition("product", str(row.product), str(facts.product or ""), row.product_id == facts.product))
    for name, wanted, fact in (
        ("strategy", row.strategies, facts.strategy),
        ("change type", row.change_types, facts.change_type),
        ("risk", row.risk_bands, facts.risk),
        ("environment tier", row.tiers, facts.tier),
    ):
        if wanted:
            found.append(Condition(name, " or ".join(wanted), fact or "none", fact in wanted))
    if row.size_min is not None:
        found.append(Condition("size", f"at least {row.size_min}", str(facts.size), facts.size >= row.size_min))
    if row.size_max is not None:
        found.append(Condition("size", f"at most {row.size_max}", str(facts.size), facts.size <= row.size_max))
    for name, wanted, fact in (
        ("inside a freeze", row.in_freeze, facts.in_freeze),
        ("emergency", row.emergency, facts.emergency),
    ):
        if wanted is not None:
            found.append(Condition(name, _yes(wanted), _yes(fact), wanted == fact))
    if row.valid_from:
        found.append(Condition("from", f"{row.valid_from}", f"{on}", on >= row.valid_from))
    if row.valid_until:
        found.append(Condition("until", f"{row.valid_until}", f"{on}", on <= row.valid_until))
    return found


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def side_by_side(rows: Iterable) -> list[WantedRule]:
    """The rules of all rows, never pooled: those that ask the same people become one with the larger number.

    Of two such rules the earlier stage and the shorter deadline hold, a veto of either, and both's watched facets.
    """
    merged: dict[str, WantedRule] = {}
    for row in rows:
        for rule in sorted(row.rules.all(), key=lambda r: (r.stage, r.pk)):
            wanted = WantedRule(
                rule.who,
                rule.label or who.label(rule.who),
                rule.need,
                rule.veto,
                rule.stage,
                sorted(rule.facets),
                rule.deadline_hours or row.deadline_hours,
                row.clock,
            )
            known = merged.get(rule.who)
            merged[rule.who] = _both(known, wanted) if known else wanted
    return sorted(merged.values(), key=lambda rule: rule.stage)


def _both(one: WantedRule, other: WantedRule) -> WantedRule:
    return WantedRule(
        one.who,
        one.label,
        max(one.need, other.need),
        one.veto or other.veto,
        min(one.stage, other.stage),
        sorted({*one.facets, *other.facets}) if one.facets and other.facets else [],
        min(one.deadline_hours, other.deadline_hours),
        Clock.ALWAYS.value if Clock.ALWAYS in (one.clock, other.clock) else one.clock,
    )


# Who may fill a rule


@dataclass(frozen=True)
class Exceptions:
    """Whether those count who otherwise never do: as a policy's row says."""

    count_requester: bool = False
    count_author: bool = False


NO_EXCEPTIONS = Exceptions()


@dataclass(frozen=True)
class Seats:
    """Whose votes could count for each rule, and who could cast them.

    `people` {who: {id: user}} are those entitled in their own name; `present` of them are not away until the deadline; `stand_ins`
    {id of the stand-in: delegations} hold no place of their own here.
    """

    people: dict[str, dict[int, object]]
    present: frozenset[int] = frozenset()
    stand_ins: dict[int, list] = field(default_factory=dict)

    @property
    def entitled(self) -> dict[int, object]:
        return {pk: user for those in self.people.values() for pk, user in those.items()}

    @property
    def seats_of(self) -> dict[int, frozenset[int]]:
        """{stand-in: the seats that they could fill instead of their owners}."""
        return {pk: frozenset(d.person_id for d in those) for pk, those in self.stand_ins.items()}

    @property
    def only(self) -> dict[tuple[int, int], set[str]]:
        """{(stand-in, seat): the rules that all their delegations reach} where none of these hands over the whole place."""
        found: dict[tuple[int, int], set[str]] = {}
        whole = {(pk, d.person_id) for pk, those in self.stand_ins.items() for d in those if not d.who}
        for pk, those in self.stand_ins.items():
            for d in those:
                if (pk, d.person_id) not in whole:
                    found.setdefault((pk, d.person_id), set()).update(self.rules_of(d.person_id, d.who))
        return found

    def reachable(self, key: str) -> frozenset[int]:
        """The seats that could be filled for one rule: by their owners, or by a stand-in whose delegation reaches it."""
        covered = {
            d.person_id for those in self.stand_ins.values() for d in those if not d.who or d.who in key.split(",")
        }
        return frozenset(pk for pk in self.people[key] if pk in self.present or pk in covered)

    def rules_of(self, person_id: int, only: str = "") -> list[str]:
        """The rules that a person's place could fill; with `only`, no other than that selector's."""
        return sorted(
            key for key, those in self.people.items() if person_id in those and (not only or only in key.split(","))
        )


def people_by_who(subject, whos: Iterable[str]) -> dict[str, dict[int, object]]:
    """{who: {user id: user}} of active people (no service accounts) whom each rule asks on the subject's product."""
    whos = list(whos)
    by_selector: dict[str, dict[int, object]] = _by_role(subject, who.names(whos, "role"))
    if who.names(whos, "team"):
        teams = subject.team_table.all()
        by_selector |= {f"team:{t.slug}": _active(_who_see(subject, t.members.all())) for t in teams}
    if who.names(whos, "person"):
        by_selector |= {f"person:{u.pk}": _active(_who_see(subject, [u])) for u in subject.named_table.all()}
    found = {}
    for asked in whos:
        found[asked] = {}
        for selector in who.parse(asked):
            found[asked] |= by_selector.get(str(selector), {})
    return found


def _by_role(subject, roles: Collection[str]) -> dict[str, dict[int, object]]:
    found = {f"role:{role}": {} for role in roles}
    scopes = {rights.EVERYWHERE, rights.scope_of(subject)}
    for grant in subject.grant_table.all():
        if grant.role in roles and grant.scope in scopes:
            found[f"role:{grant.role}"] |= _active([grant.user] if grant.user_id else grant.team.members.all())
    return found


def _who_see(subject, people: Iterable) -> list:
    """Those who may see what is asked about: every role sees its product. Who cannot see it cannot vote, and so does not count."""
    scopes = {rights.EVERYWHERE, rights.scope_of(subject)}
    return [user for user in people if user.is_superuser or any(scope in scopes for scope in _scopes_of(user))]


def _scopes_of(user) -> Iterator[str]:
    yield from (grant.scope for grant in user.grants.all())
    yield from (grant.scope for team in user.teams.all() for grant in team.grants.all())


def _active(people: Iterable) -> dict[int, object]:
    return {user.pk: user for user in people if user.is_active and not user.is_service}


def barred(subject, requester_id: int | None, exceptions: Exceptions | object = NO_EXCEPTIONS) -> set[int]:
    """Ids of people who never count: the requester, and whoever wrote what is asked about; unless the row says otherwise."""
    out = set() if exceptions.count_author else set(kind_of(subject).authors(subject))
    if exceptions.count_requester:
        # Whoever asks counts although they wrote the request; what they wrote of the content still bars them.
        return out - {None}
    return (out | {requester_id}) - {None}


def eligible(
    subject, rules, requester_id: int | None, exceptions: Exceptions | object = NO_EXCEPTIONS
) -> dict[str, dict[int, object]]:
    """{who: {user id: user}} of those whose place could count for each of the rules."""
    out = barred(subject, requester_id, exceptions)
    held = people_by_who(subject, [rule.who for rule in rules])
    return {key: {pk: user for pk, user in people.items() if pk not in out} for key, people in held.items()}


def seats(
    subject,
    rules,
    requester_id: int | None,
    exceptions: Exceptions | object = NO_EXCEPTIONS,
    *,
    until: datetime | None = None,
    at: datetime | None = None,
) -> Seats:
    """Who could fill the rules between `at` (now) and `until` (the same instant), stand-ins and absences counted."""
    at = at or timezone.now()
    people = eligible(subject, rules, requester_id, exceptions)
    entitled = {pk for those in people.values() for pk in those}
    away = _away(subject, entitled, at, until or at)
    out = barred(subject, requester_id, exceptions)
    stand_ins: dict[int, list] = {}
    for delegation in subject.delegation_table.all():
        if delegation.person_id not in entitled or delegation.stand_in_id in entitled | out:
            continue
        if _serves(delegation, subject, people, at, until or at):
            stand_ins.setdefault(delegation.stand_in_id, []).append(delegation)
    return Seats(people, frozenset(entitled - away), stand_ins)


def _away(subject, ids: set[int], at: datetime, until: datetime) -> set[int]:
    absences: dict[int, list] = {}
    for absence in subject.absence_table.all():
        if absence.user_id in ids:
            absences.setdefault(absence.user_id, []).append(absence)
    return {pk for pk, rows in absences.items() if absent_throughout(rows, at, until)}


def _serves(delegation, subject, people: Mapping[str, dict], at: datetime, until: datetime) -> bool:
    """Whether a delegation holds at some instant of the period for a place that its person has in this subject's rules."""
    stand_in = delegation.stand_in
    if not stand_in.is_active or stand_in.is_service or delegation.starts_at > until or delegation.ends_at <= at:
        return False
    if delegation.product_id is not None and rights.scope_of(subject) != f"product:{delegation.product_id}":
        return False
    if not _who_see(subject, [stand_in]):
        return False
    return any(
        delegation.person_id in those and (not delegation.who or delegation.who in key.split(","))
        for key, those in people.items()
    )


WEEK_IN_WORKING_HOURS = 40


def horizon(rules: Iterable, start: datetime) -> datetime:
    """About when the last of the rules runs out if each stage takes all its time: who is away until then cannot be waited for.

    Working hours are taken as those of a week of 40, so that no calendar needs to be read.
    """
    longest: dict[int, float] = {}
    for rule in rules:
        plain = rule.deadline_hours * (168 / WEEK_IN_WORKING_HOURS if rule.clock == Clock.WORKING else 1)
        longest[rule.stage] = max(plain, longest.get(rule.stage, 0))
    return start + timedelta(hours=sum(longest.values()))


def impossible(subject, rules, requester_id: int | None, exceptions=NO_EXCEPTIONS) -> quorum.Impossible | None:
    """Why the rules cannot be met with the people who may count, absences counted; None when they can."""
    rules = list(rules)
    until = horizon(rules, timezone.now())
    who_could = seats(subject, rules, requester_id, exceptions, until=until)
    asked = [quorum.Rule(r.who, r.need, who_could.reachable(r.who)) for r in rules]
    return quorum.possible(asked, who_could.present, who_could.seats_of, who_could.only)


def required_kinds(release) -> list[str]:
    """Kinds of test sign-off that a release needs: the product's own rows for its strategy, else the general ones."""
    rows = [row for row in release.required_table.all() if row.strategy == release.strategy]
    own = [row.kind for row in rows if row.product_id == release.product_id]
    return sorted(own or [row.kind for row in rows if row.product_id is None])
