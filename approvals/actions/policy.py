"""Doors of the policies: a draft is made, its rows are edited, it is proposed; the quorum of the policy in force decides."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts import policy as rights
from accounts.models import Team, User
from accounts.roles import ROLES
from approvals import guards, matching, who
from approvals.actions import opening, parts, settling
from approvals.models import ApprovalRequest, Policy, PolicyRow, RequiredSignoff, Rule
from approvals.states import Clock, Facet, Mode, PolicyState, SignoffKind, Subject
from core import texts
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from releases.models import Product
from releases.states import ChangeType, RiskBand, Strategy, Tier

RIGHT = "releases.manage_policies"
FIELDS = (
    "name",
    "position",
    "product",
    "strategies",
    "change_types",
    "risk_bands",
    "tiers",
    "size_min",
    "size_max",
    "in_freeze",
    "emergency",
    "valid_from",
    "valid_until",
    "deadline_hours",
    "clock",
    "allow_bulk",
    "count_requester",
    "count_author",
    "afterwards",
    "afterwards_hours",
)
CONDITIONS = {
    "strategies": Strategy.values,
    "change_types": ChangeType.values,
    "risk_bands": RiskBand.values,
    "tiers": Tier.values,
}
RULE_FIELDS = ("who", "label", "need", "veto", "stage", "facets", "deadline_hours")


# Versions


@transaction.atomic(durable=True)
def draft_policy(subject: str, *, actor: User, based_on: int | None = None) -> Policy:
    """Begin a new version: a copy of the one in force, or of the version with the id `based_on`.

    Raises PermissionDenied, Policy.DoesNotExist, or Refused for an unknown subject.
    """
    _require_right(actor)
    if subject not in Subject.values:
        refuse("subject", f"Choose from {', '.join(Subject.values)}.", field="subject")
    versions = Policy.objects.filter(subject=subject).select_for_update()
    list(versions)
    source = versions.get(pk=based_on) if based_on else versions.in_force().first()
    made = Policy.objects.create(
        subject=subject,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        mode=source.mode if source else Mode.FIRST,
        based_on=source,
        created_by=actor,
    )
    for row in source.rows.prefetch_related("rules") if source else []:
        _copy(row, made)
    record("policy.drafted", made, actor=actor, subject=subject, version=made.version, based_on=based_on)
    return made


def _copy(row: PolicyRow, into: Policy) -> None:
    made = PolicyRow.objects.create(policy=into, **{name: getattr(row, name) for name in FIELDS})
    Rule.objects.bulk_create(
        Rule(row=made, **{name: getattr(rule, name) for name in RULE_FIELDS}) for rule in row.rules.all()
    )


def edit_policy(
    policy_id: int,
    *,
    actor: User,
    mode: str | None = None,
    note: str | None = None,
    valid_from: datetime | str | None = "",
) -> Policy:
    """Change what a draft says as a whole. `valid_from` "" leaves it, None means as soon as it is approved."""
    with _draft(policy_id, actor) as policy:
        was = described(policy)
        if mode is not None:
            if mode not in Mode.values:
                refuse("mode", "Choose first match or all matches.", field="mode")
            policy.mode = mode
        if note is not None:
            policy.note = texts.fit(note, "note")
        if valid_from != "":
            policy.valid_from = valid_from
        policy.save()
        record("policy.edited", policy, actor=actor, was=was, now=described(policy))
    return policy


@contextmanager
def _draft(policy_id: int, actor: User) -> Iterator[Policy]:
    """Open the door's transaction on a draft. Raises Policy.DoesNotExist, PermissionDenied, Refused when it is no draft."""
    with parts.locked_row(Policy, policy_id) as policy:
        _require_right(actor)
        if policy.state != PolicyState.DRAFT:
            now = policy.get_state_display().lower()
            refuse("no-draft", f"{policy} is {now}; only a draft can be changed. Begin a new version.")
        yield policy


def _require_right(actor: User) -> None:
    rights.require_person(actor)
    rights.require(actor, RIGHT, None)


def set_shadow(policy_id: int, *, actor: User, on: bool) -> Policy:
    """Let a draft run in shadow, or stop it: new requests note what it would have asked; it decides nothing."""
    with _draft(policy_id, actor) as policy:
        if on:
            refuse_if(guards.policy_incomplete(policy))
        if policy.is_shadow != on:
            policy.is_shadow = on
            policy.save()
            record("policy.shadow_started" if on else "policy.shadow_stopped", policy, actor=actor)
    return policy


def propose_policy(policy_id: int, *, actor: User) -> ApprovalRequest:
    """Ask the quorum of the policy in force whether a draft shall hold. Raises as the draft's other doors, or Refused."""
    with _draft(policy_id, actor) as policy:
        policy.asking = actor
        policy.propose()
        policy.save()
        record("policy.proposed", policy, actor=actor, now=described(policy))
        request = opening.open_request(policy, matching.match_for(policy), actor)
        settling.settle_locked(request, actor)
    return request


def discard_policy(policy_id: int, *, actor: User, reason: str) -> Policy:
    """Give a draft, or an approved version that is not in force yet, up. Raises Refused without a reason."""
    with parts.locked_row(Policy, policy_id) as policy:
        _require_right(actor)
        policy.discard(reason=reason)
        policy.save()
        record("policy.discarded", policy, actor=actor, reason=reason.strip())
    return policy


# Rows


def save_row(
    policy_id: int, row_id: int | None = None, *, actor: User, rules: Iterable[dict] | None = None, **fields
) -> PolicyRow:
    """Add a row to a draft, or change one. `rules` [{who, need, veto, stage, facets, deadline_hours}] replaces all of them.

    Raises Policy.DoesNotExist, PolicyRow.DoesNotExist, PermissionDenied, or Refused at the field that does not fit.
    """
    with _draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id) if row_id else PolicyRow(policy=policy)
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
        row = PolicyRow.objects.get(pk=row.pk)
        record("policy.row_saved", policy, actor=actor, row=row.name, was=before, now=described_row(row))
    return row


def remove_row(policy_id: int, row_id: int, *, actor: User) -> None:
    """Take a row out of a draft. Raises Policy.DoesNotExist, PolicyRow.DoesNotExist, PermissionDenied, Refused."""
    with _draft(policy_id, actor) as policy:
        row = policy.rows.get(pk=row_id)
        record("policy.row_removed", policy, actor=actor, row=row.name, was=described_row(row))
        row.delete()


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
        "facets": sorted(rule.get("facets", [])),
        "deadline_hours": rule.get("deadline_hours"),
    }


def _label(asked: str) -> str:
    """The selectors in words. Raises Refused for a role, a team or a person that is not there."""
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
    found = []
    row.name = row.name.strip()
    if not row.name:
        found.append(Blocker("name", "Give it a name.", field="name"))
    elif row.policy.rows.filter(name__iexact=row.name).exclude(pk=row.pk).exists():
        found.append(Blocker("name-taken", f"There is already a row “{row.name}”.", field="name"))
    for name in ("deadline_hours", "afterwards_hours"):
        if not 1 <= getattr(row, name) <= 24 * 90:
            found.append(Blocker("deadline", "A deadline lies between one hour and 90 days.", field=name))
    if row.clock not in Clock.values:
        found.append(Blocker("clock", f"Choose from {', '.join(Clock.values)}.", field="clock"))
    for name, known in CONDITIONS.items():
        if set(getattr(row, name)) - set(known):
            found.append(Blocker(f"{name}-unknown", f"Choose from {', '.join(known)}.", field=name))
    if row.size_min is not None and row.size_max is not None and row.size_min > row.size_max:
        found.append(Blocker("size", "The smallest size is larger than the largest.", field="size_max"))
    if row.valid_from and row.valid_until and row.valid_from > row.valid_until:
        found.append(Blocker("validity", "It would end before it starts.", field="valid_until"))
    if row.afterwards and row.afterwards == row.name:
        found.append(Blocker("afterwards", "A row cannot be asked after itself.", field="afterwards"))
    if rules is not None or new:
        found += _rule_troubles(rules or [])
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
    if any(r["deadline_hours"] is not None and not 1 <= r["deadline_hours"] <= 24 * 90 for r in rules):
        found.append(Blocker("deadline", "A deadline lies between one hour and 90 days.", field="rules"))
    if any(set(r["facets"]) - set(Facet.values) for r in rules):
        found.append(Blocker("facet-unknown", f"Choose from {', '.join(Facet.values)}.", field="rules"))
    return found


def described(policy: Policy) -> dict:
    """A policy as the event log keeps it."""
    rows = [described_row(row) for row in matching.in_order(policy.rows.prefetch_related("rules"))]
    said = {"subject": policy.subject, "version": policy.version, "mode": policy.mode, "note": policy.note}
    return said | {"valid_from": policy.valid_from, "rows": rows}


def described_row(row: PolicyRow) -> dict:
    rules = [{name: getattr(rule, name) for name in RULE_FIELDS} for rule in row.rules.all()]
    return {name: getattr(row, name) for name in FIELDS if name != "product"} | {
        "product": row.product_id,
        "rules": rules,
    }


# Tests that a strategy asks for


@transaction.atomic(durable=True)
def set_required_signoffs(strategy: str, kinds: Iterable[str], *, actor: User, product: Product | None = None) -> None:
    """Replace the kinds of test that a strategy asks for: in general, or for one product (none: the general ones hold again).

    Raises PermissionDenied, or Refused for an unknown strategy or kind.
    """
    rights.require_person(actor)
    rights.require(actor, RIGHT, product)
    kinds = sorted(set(kinds))
    if strategy not in Strategy.values or set(kinds) - set(SignoffKind.values):
        refuse_if([Blocker("kind-unknown", "Choose from the list.", field="kinds")])
    rows = RequiredSignoff.objects.select_for_update().filter(strategy=strategy, product=product)
    was = sorted(rows.values_list("kind", flat=True))
    if was == kinds:
        return
    rows.exclude(kind__in=kinds).delete()
    RequiredSignoff.objects.bulk_create(
        RequiredSignoff(strategy=strategy, product=product, kind=kind) for kind in kinds if kind not in was
    )
    record("policy.signoffs_required", product or actor, actor=actor, strategy=strategy, was=was, now=kinds)
