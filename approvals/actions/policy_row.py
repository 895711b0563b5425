"""Doors of a policy's rows: saved, moved, doubled and removed, in a draft only."""

from collections.abc import Iterable
from itertools import count

from accounts.models import Team, User
from accounts.roles import ROLES
from approvals import matching, who
from approvals.actions.policy import FIELDS, copy_row_into, described_row, draft
from approvals.models import Policy, PolicyRow, Rule
from approvals.states import Clock, Facet
from core import moments, texts
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from releases.states import ChangeType, RiskBand, Strategy, Tier

CONDITIONS = {
    "strategies": Strategy.values,
    "change_types": ChangeType.values,
    "risk_bands": RiskBand.values,
    "tiers": Tier.values,
}
NAME_LENGTH, WHO_LENGTH = (
    model._meta.get_field(name).max_length for model, name in ((PolicyRow, "name"), (Rule, "who"))
)
STEP = 10  # between the places of two rows, so that one fits in between
LONGEST_HOURS = 24 * 90
MOST_ROWS = 500
LARGEST_SIZE = 1_000_000


def save_row(
    policy_id: int, row_id: int | None = None, *, actor: User, rules: Iterable[dict] | None = None, **fields
) -> PolicyRow:
    """Add a row to a draft (last, unless `position` says otherwise), or change one.

    `rules` [{who, need, veto, stage, facets, deadline_hours}] replaces all of them. A row that is named anew keeps being asked
    afterwards by the rows that named it. Raises Policy.DoesNotExist, PolicyRow.DoesNotExist, PermissionDenied, or Refused at the
    field that does not fit.
    """
    with draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id) if row_id else PolicyRow(policy=policy, position=_last_place(policy))
        before = described_row(row) if row_id else {}
        for name in FIELDS:
            if name in fields:
                setattr(row, name, fields[name])
        rules = None if rules is None else [_rule(r) for r in rules]
        refuse_if(_row_troubles(row, rules, new=not row_id))
        row.save()
        if rules is not None:
            row.rules.all().delete()
            Rule.objects.bulk_create(Rule(row=row, **r) for r in rules)
        if row_id and before["name"] != row.name:
            policy.rows.filter(afterwards=before["name"]).update(afterwards=row.name)
        row = PolicyRow.objects.get(pk=row.pk)
        record("policy.row_saved", policy, actor=actor, row=row.name, was=before, now=described_row(row))
    return row


def remove_row(policy_id: int, row_id: int, *, actor: User) -> None:
    """Take a row out of a draft. Raises Policy.DoesNotExist, PolicyRow.DoesNotExist, PermissionDenied, Refused."""
    with draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id)
        record("policy.row_removed", policy, actor=actor, row=row.name, was=described_row(row))
        row.delete()


def move_row(policy_id: int, row_id: int, *, actor: User, by: int) -> PolicyRow:
    """Let a row be asked `by` places later (negative: earlier), no further than the ends. Raises as `remove_row`."""
    with draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id)
        rows = matching.in_order(policy.rows.all())
        was = [r.name for r in rows]
        at = rows.index(row)
        rows.insert(min(max(at + by, 0), len(rows) - 1), rows.pop(at))
        now = [r.name for r in rows]
        if now != was:
            _number(rows)
            record("policy.row_moved", policy, actor=actor, row=row.name, was=was, now=now)
    return rows[now.index(row.name)]


def double_row(policy_id: int, row_id: int, *, actor: User) -> PolicyRow:
    """Put a copy of a row, with its rules, right after it. Raises as `remove_row`."""
    with draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id)
        refuse_if(_too_many(policy))
        rows = matching.in_order(policy.rows.all())
        made = copy_row_into(row, policy, name=_free_name(row.name, {r.name.casefold() for r in rows}))
        rows.insert(rows.index(row) + 1, made)
        _number(rows)
        record("policy.row_saved", policy, actor=actor, row=made.name, was={}, now=described_row(made))
    return made


def _last_place(policy: Policy) -> int:
    return max((row.position for row in policy.rows.all()), default=0) + STEP


def _number(rows: list[PolicyRow]) -> None:
    """Give the rows places in the order of the list."""
    for place, row in enumerate(rows, 1):
        row.position = place * STEP
    PolicyRow.objects.bulk_update(rows, ["position"])


def _free_name(name: str, taken: set[str]) -> str:
    for n in count(2):
        suffix = f" ({n})"
        found = name[: NAME_LENGTH - len(suffix)] + suffix
        if found.casefold() not in taken:
            return found
    raise AssertionError  # count() does not end


# What a row may say


def _rule(rule: dict) -> dict:
    try:
        asked = who.canonical(rule["who"])
    except ValueError as error:
        refuse("who", str(error), field="rules")
    return {
        "who": asked,
        "label": _label(asked),
        "need": rule.get("need", 1),
        "veto": rule.get("veto", True),
        "stage": rule.get("stage", 1),
        "facets": sorted(set(rule.get("facets", []))),
        "deadline_hours": rule.get("deadline_hours"),
    }


def _label(asked: str) -> str:
    """The selectors in words. Raises Refused for a role, a team or a person that is not there."""
    if len(asked) > WHO_LENGTH:
        refuse("who-long", "One rule names too many people. Put them in a team, or make it two rules.", field="rules")
    unknown = [r for r in who.names([asked], "role") if r not in ROLES or not ROLES[r].approves]
    if unknown:
        refuse("role-unknown", "Choose roles that may approve.", field="rules")
    slugs, ids = who.names([asked], "team"), {int(pk) for pk in who.names([asked], "person")}
    teams = dict(Team.objects.filter(slug__in=slugs).values_list("slug", "name"))
    people = {u.pk: u.name for u in User.objects.filter(pk__in=ids, is_active=True, is_service=False)}
    if slugs - teams.keys() or ids - people.keys():
        refuse("who-unknown", "One of the teams or people is not there any more.", field="rules")
    return who.label(asked, teams, people)[:500]


def _row_troubles(row: PolicyRow, rules: list[dict] | None, *, new: bool) -> list[Blocker]:
    found = [*_name_troubles(row), *_outcome_troubles(row), *_condition_troubles(row)]
    if new:
        found += _too_many(row.policy)
    if rules is not None or new:
        found += _rule_troubles(rules or [])
    return found


def _too_many(policy: Policy) -> list[Blocker]:
    if policy.rows.count() < MOST_ROWS:
        return []
    return [Blocker("rows-many", f"A policy has at most {MOST_ROWS} rows.")]


def _name_troubles(row: PolicyRow) -> list[Blocker]:
    row.name = row.name.strip()
    if not row.name:
        return [Blocker("name", "Give it a name.", field="name")]
    if len(row.name) > NAME_LENGTH:
        return [Blocker("name-long", f"A name has at most {NAME_LENGTH} characters.", field="name")]
    found = texts.unfit(row.name, "name")
    if not found and row.policy.rows.filter(name__iexact=row.name).exclude(pk=row.pk).exists():
        found = [Blocker("name-taken", f"There is already a row “{row.name}”.", field="name")]
    return found


def _outcome_troubles(row: PolicyRow) -> list[Blocker]:
    found = [
        Blocker("deadline", "A deadline lies between one hour and 90 days.", field=name)
        for name in ("deadline_hours", "afterwards_hours")
        if not 1 <= getattr(row, name) <= LONGEST_HOURS
    ]
    if row.clock not in Clock.values:
        found.append(Blocker("clock", f"Choose from {', '.join(Clock.values)}.", field="clock"))
    if not 0 <= row.position <= 32_000:
        found.append(Blocker("position", "A place lies between 0 and 32,000.", field="position"))
    row.afterwards = row.afterwards.strip()
    if row.afterwards and row.afterwards.casefold() == row.name.casefold():
        found.append(Blocker("afterwards", "A row cannot be asked after itself.", field="afterwards"))
    elif len(row.afterwards) > NAME_LENGTH or texts.unfit(row.afterwards, "afterwards"):
        found.append(Blocker("afterwards", "Name a row of this policy.", field="afterwards"))
    return found


def _condition_troubles(row: PolicyRow) -> list[Blocker]:
    found = [
        Blocker(f"{name}-unknown", f"Choose from {', '.join(known)}.", field=name)
        for name, known in CONDITIONS.items()
        if set(getattr(row, name)) - set(known)
    ]
    found += [
        Blocker("size", f"A size lies between 0 and {LARGEST_SIZE:,}.", field=name)
        for name in ("size_min", "size_max")
        if not 0 <= (getattr(row, name) or 0) <= LARGEST_SIZE
    ]
    if row.size_min is not None and row.size_max is not None and row.size_min > row.size_max:
        found.append(Blocker("size", "The smallest size is larger than the largest.", field="size_max"))
    found += moments.unfit(valid_from=row.valid_from, valid_until=row.valid_until)
    if row.valid_from and row.valid_until and row.valid_from > row.valid_until:
        found.append(Blocker("validity", "It would end before it starts.", field="valid_until"))
    return found


def _rule_troubles(rules: list[dict]) -> list[Blocker]:
    if not rules:
        return [Blocker("rules-missing", "A row needs at least one rule.", field="rules")]
    found = []
    if len({r["who"] for r in rules}) < len(rules):
        found.append(
            Blocker("rule-twice", "Two rules ask the same people; make it one with a larger number.", field="rules")
        )
    if any(not 1 <= r["need"] <= 50 for r in rules):
        found.append(Blocker("need", "A rule asks for 1 to 50 people.", field="rules"))
    if any(not 1 <= r["stage"] <= 20 for r in rules):
        found.append(Blocker("stage", "A stage lies between 1 and 20.", field="rules"))
    if any(r["deadline_hours"] is not None and not 1 <= r["deadline_hours"] <= LONGEST_HOURS for r in rules):
        found.append(Blocker("deadline", "A deadline lies between one hour and 90 days.", field="rules"))
    if any(set(r["facets"]) - set(Facet.values) for r in rules):
        found.append(Blocker("facet-unknown", f"Choose from {', '.join(Facet.values)}.", field="rules"))
    return found
