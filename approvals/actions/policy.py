"""Doors of the policies: a version is drafted, tried in shadow and proposed; the quorum of the policy in force decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts import policy as rights
from accounts.models import User
from approvals import guards, matching
from approvals.actions import opening, parts, settling
from approvals.models import ApprovalRequest, Policy, PolicyRow, Rule
from approvals.states import Mode, PolicyState, Subject
from core import moments, texts
from core.blockers import refuse, refuse_if
from core.events import record

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
RULE_FIELDS = ("who", "label", "need", "veto", "stage", "facets", "deadline_hours")


@transaction.atomic(durable=True)
def draft_policy(subject: str, *, actor: User, based_on: int | None = None) -> Policy:
    """Begin a new version: a copy of the one in force, or of the version with the id `based_on`.

    Raises PermissionDenied, Policy.DoesNotExist, or Refused for an unknown subject.
    """
    require_right(actor)
    if subject not in Subject.values:
        refuse("subject", f"Choose from {', '.join(Subject.values)}.", field="subject")
    parts.lock_line(subject)
    versions = Policy.objects.filter(subject=subject)
    source = versions.get(pk=based_on) if based_on else versions.in_force().first()
    made = Policy.objects.create(
        subject=subject,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        mode=source.mode if source else Mode.FIRST,
        based_on=source,
        created_by=actor,
    )
    for row in source.rows.prefetch_related("rules") if source else []:
        copy_row_into(row, made)
    based = source.pk if source else None
    record("policy.drafted", made, actor=actor, subject=subject, version=made.version, based_on=based)
    return made


def copy_row_into(row: PolicyRow, policy: Policy, **changes) -> PolicyRow:
    """A copy of a row with its rules in another version, or beside it."""
    made = PolicyRow.objects.create(policy=policy, **({name: getattr(row, name) for name in FIELDS} | changes))
    Rule.objects.bulk_create(
        Rule(row=made, **{name: getattr(rule, name) for name in RULE_FIELDS}) for rule in row.rules.all()
    )
    return made


def edit_policy(
    policy_id: int,
    *,
    actor: User,
    mode: str | None = None,
    note: str | None = None,
    valid_from: datetime | str | None = "",
) -> Policy:
    """Change what a draft says as a whole. `valid_from` "" leaves it, None means as soon as it is approved."""
    with draft(policy_id, actor) as policy:
        was = described(policy)
        if mode is not None:
            if mode not in Mode.values:
                refuse("mode", "Choose first match or all matches.", field="mode")
            policy.mode = mode
        if note is not None:
            policy.note = texts.fit(note, "note")
        if valid_from != "":
            moments.fit(valid_from=valid_from)
            policy.valid_from = valid_from
        policy.save()
        record("policy.edited", policy, actor=actor, was=was, now=described(policy))
    return policy


@contextmanager
def draft(policy_id: int, actor: User) -> Iterator[Policy]:
    """Open the door's transaction on a draft. Raises Policy.DoesNotExist, PermissionDenied, Refused when it is no draft."""
    with parts.locked_row(Policy, policy_id) as policy:
        require_right(actor)
        if policy.state != PolicyState.DRAFT:
            now = policy.get_state_display().lower()
            refuse("no-draft", f"{policy} is {now}; only a draft can be changed. Begin a new version.")
        yield policy


def require_right(actor: User) -> None:
    rights.require_person(actor)
    rights.require(actor, RIGHT, None)


def set_shadow(policy_id: int, *, actor: User, on: bool) -> Policy:
    """Let a draft run in shadow, or stop it: new requests note what it would have asked; it decides nothing."""
    with draft(policy_id, actor) as policy:
        if on:
            refuse_if(guards.policy_incomplete(policy))
        if policy.is_shadow != on:
            policy.is_shadow = on
            policy.save()
            record("policy.shadow_started" if on else "policy.shadow_stopped", policy, actor=actor)
    return policy


def propose_policy(policy_id: int, *, actor: User) -> ApprovalRequest:
    """Ask the quorum of the policy in force whether a draft shall hold. Raises as the draft's other doors, or Refused."""
    with draft(policy_id, actor) as policy:
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
        require_right(actor)
        policy.discard(reason=reason)
        policy.save()
        record("policy.discarded", policy, actor=actor, reason=reason.strip())
    return policy


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
