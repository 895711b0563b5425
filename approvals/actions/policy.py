"""Doors of the rules: who has to agree to what, and which tests a strategy asks for."""

from collections.abc import Iterable

from django.db import transaction

from accounts import policy as rights
from accounts.models import User
from accounts.roles import ROLES
from approvals.models import Policy, RequiredSignoff, Rule
from approvals.states import Facet, SignoffKind, Subject
from core.blockers import Blocker, refuse_if
from core.events import record
from releases.models import Product
from releases.states import ChangeType, RiskBand, Strategy

RIGHT = "releases.manage_policies"
FIELDS = (
    "name",
    "subject",
    "position",
    "product",
    "strategies",
    "change_types",
    "risk_bands",
    "deadline_hours",
    "is_active",
)
CONDITIONS = {"strategies": Strategy.values, "change_types": ChangeType.values, "risk_bands": RiskBand.values}


@transaction.atomic(durable=True)
def save_policy(policy_id: int | None = None, *, actor: User, rules: Iterable[dict] | None = None, **fields) -> Policy:
    """Add a policy, or change one by id. `rules` [{role, need, veto, facets}] replaces all of them; None leaves them.

    Running requests keep the rules they were opened with. Raises Policy.DoesNotExist, PermissionDenied, or Refused at the field.
    """
    row = Policy.objects.select_for_update().get(pk=policy_id) if policy_id else Policy()
    _require_right(actor, row, fields)
    before = described(row) if policy_id else {}
    for name in FIELDS:
        if name in fields:
            setattr(row, name, fields[name])
    rules = None if rules is None else [_rule(r) for r in rules]
    refuse_if(_troubles(row, rules, new=not policy_id))
    row.save()
    if rules is not None:
        row.rules.all().delete()
        Rule.objects.bulk_create(Rule(policy=row, **r) for r in rules)
    row = Policy.objects.get(pk=row.pk)
    record("policy.saved", row, actor=actor, was=before, now=described(row))
    return row


def _require_right(actor: User, row: Policy, fields: dict) -> None:
    """The right on the product that the row is about, before and after; for a row about all products, everywhere."""
    rights.require_person(actor)
    if row.pk:
        rights.require(actor, RIGHT, row.product)
    if not row.pk or "product" in fields:
        rights.require(actor, RIGHT, fields.get("product"))


def _rule(rule: dict) -> dict:
    return {
        "role": rule["role"],
        "need": rule.get("need", 1),
        "veto": rule.get("veto", True),
        "facets": sorted(rule.get("facets", [])),
    }


def _troubles(row: Policy, rules: list[dict] | None, *, new: bool) -> list[Blocker]:
    found = []
    row.name = row.name.strip()
    if not row.name:
        found.append(Blocker("name", "Give it a name.", field="name"))
    elif Policy.objects.filter(name__iexact=row.name).exclude(pk=row.pk).exists():
        found.append(Blocker("name-taken", f"There is already a policy “{row.name}”.", field="name"))
    if row.subject not in Subject.values:
        found.append(Blocker("subject", "Choose release or change.", field="subject"))
    if not 1 <= row.deadline_hours <= 24 * 90:
        found.append(Blocker("deadline", "A deadline lies between one hour and 90 days.", field="deadline_hours"))
    for name, known in CONDITIONS.items():
        if set(getattr(row, name)) - set(known):
            found.append(Blocker(f"{name}-unknown", f"Choose from {', '.join(known)}.", field=name))
    if rules is not None or new:
        found += _rule_troubles(rules or [])
    return found


def _rule_troubles(rules: list[dict]) -> list[Blocker]:
    roles = [r["role"] for r in rules]
    if not rules:
        return [Blocker("rules-missing", "A policy needs at least one rule.", field="rules")]
    found = []
    if len(set(roles)) < len(roles):
        found.append(Blocker("rule-twice", "Each role may have one rule.", field="rules"))
    if any(r not in ROLES or not ROLES[r].approves for r in roles):
        found.append(Blocker("role-unknown", "Choose roles that may approve.", field="rules"))
    if any(not 1 <= r["need"] <= 50 for r in rules):
        found.append(Blocker("need", "A rule asks for 1 to 50 people.", field="rules"))
    if any(set(r["facets"]) - set(Facet.values) for r in rules):
        found.append(Blocker("facet-unknown", f"Choose from {', '.join(Facet.values)}.", field="rules"))
    return found


def described(row: Policy) -> dict:
    """A policy as the event log keeps it."""
    rules = [{"role": r.role, "need": r.need, "veto": r.veto, "facets": r.facets} for r in row.rules.all()]
    return {name: getattr(row, name) for name in FIELDS if name != "product"} | {
        "product": row.product_id,
        "rules": rules,
    }


@transaction.atomic(durable=True)
def remove_policy(policy_id: int, *, actor: User) -> None:
    """Remove a policy. Running requests keep their copy of its rules. Raises Policy.DoesNotExist, PermissionDenied."""
    row = Policy.objects.select_for_update(of=("self",)).get(pk=policy_id)
    _require_right(actor, row, {})
    record("policy.removed", row, actor=actor, was=described(row))
    row.delete()


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
