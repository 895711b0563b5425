"""Policies, requests, votes, sign-offs, waivers and overrides."""

from datetime import timedelta
from importlib import import_module
from itertools import count

from django.apps import apps
from django.utils import timezone

from accounts.actions import system_user
from approvals import sheet, who
from approvals.models import (
    ApprovalRequest,
    Delegation,
    Evidence,
    FreezeOverride,
    FrozenSheet,
    Policy,
    PolicyRow,
    RequestRule,
    RequiredSignoff,
    Rule,
    Signoff,
    Vote,
    Waiver,
)
from approvals.models.request import SUBJECT_FIELDS
from approvals.states import GrantState, PolicyState, Subject, Verdict
from approvals.subjects import facts_of, kind_of
from releases.models import Release
from tests.factories.releases import put_in_state

_numbers = count(1)
_versions = count(1000)


def policy(rules=None, *, subject=Subject.RELEASE, mode=None, **fields) -> PolicyRow:
    """A row that is asked first, in the policy in force of the subject.

    `rules`: {who: need} or {who: {"need", "veto", "stage", "facets", …}}, a bare slug meaning a role; default one QA approver.
    """
    in_force = Policy.objects.in_force().filter(subject=subject).first() or Policy.objects.create(
        subject=subject, version=next(_versions), state=PolicyState.IN_FORCE, valid_from=timezone.now()
    )
    if mode:
        Policy.objects.filter(pk=in_force.pk).update(mode=mode)
    fields.setdefault("position", 0)
    made = PolicyRow.objects.create(policy=in_force, name=fields.pop("name", f"Row {next(_numbers)}"), **fields)
    for asked, options in _rules(rules):
        Rule.objects.create(row=made, **asked, **options)
    return made


def lay_down_first_rules() -> None:
    """What the migrations lay down, after a flush has taken it away."""
    Policy.objects.all().delete()
    RequiredSignoff.objects.all().delete()
    old, new = (import_module(f"approvals.migrations.{name}") for name in ("0003_first_rules", "0004_one_engine"))
    policies = {
        kind: Policy.objects.create(subject=kind, state=PolicyState.IN_FORCE, valid_from=timezone.now())
        for kind in Subject.values
    }
    for name, subject, position, conditions, hours, rules in old.POLICIES:
        after = {"afterwards": new.AFTERWARDS.get(name, "")}
        fields = {"name": name, "position": position, "deadline_hours": hours, **conditions, **after}
        row = PolicyRow.objects.create(policy=policies[subject], **fields)
        for role, need, facets in rules:
            Rule.objects.create(row=row, who=who.role(role), label=who.label(who.role(role)), need=need, facets=facets)
    for subject, rows in new.FIRST_ROWS.items():
        for name, position, conditions, hours, asked, need in rows:
            fields = {"name": name, "position": position, "deadline_hours": hours, **conditions}
            row = PolicyRow.objects.create(policy=policies[subject], **fields)
            Rule.objects.create(row=row, who=asked, label=who.label(asked), need=need)
    import_module("approvals.migrations.0006_working_clocks").set_clocks(apps, None)
    for strategy, kinds in old.REQUIRED.items():
        required(strategy, *kinds)


def _rules(rules) -> list[tuple[dict, dict]]:
    """[({who, label}, {need, …})] of the short form."""
    found = []
    for name, rule in (rules or {"qa-approver": 1}).items():
        asked = who.canonical(name if ":" in name else f"role:{name}")
        options = rule if isinstance(rule, dict) else {"need": rule}
        found.append(({"who": asked, "label": who.label(asked)}, options))
    return found


def required(strategy: str, *kinds: str, product=None) -> None:
    """Replace the kinds of sign-off that a strategy asks for, in general or on one product."""
    RequiredSignoff.objects.filter(strategy=strategy, product=product).delete()
    for kind in kinds:
        RequiredSignoff.objects.create(strategy=strategy, kind=kind, product=product)


def request(subject, rules=None, *, requester=None, state="pending", **fields) -> ApprovalRequest:
    """A request on the subject as it is now. `rules` as for `policy`."""
    seen, kind = sheet.of(subject), kind_of(subject)
    row = fields.pop("row", "Row")
    due_at = fields.pop("due_at", timezone.now() + timedelta(days=3))
    made = ApprovalRequest.objects.create(
        kind=kind.name,
        product_id=facts_of(subject).product,
        row_names=[row],
        requester=requester or system_user(),
        sheet=seen.content,
        digests=seen.digests,
        digest=seen.digest,
        due_at=due_at,
        state=state,
        **{SUBJECT_FIELDS[kind.name]: subject},
        **fields,
    )
    for asked, options in _rules(rules):
        reached = {} if options.get("stage", 1) > 1 else {"opened_at": made.opened_at, "due_at": due_at}
        RequestRule.objects.create(request=made, **asked, **(reached | options))
    FrozenSheet.objects.create(request=made, digest=seen.digest, digests=seen.digests, content=seen.content)
    return made


def vote(on: ApprovalRequest, person, *whos: str, verdict=Verdict.APPROVE, **fields) -> Vote:
    """A counting vote on the sheet as frozen in the request; a bare slug names a role."""
    counts_for = [w if ":" in w else f"role:{w}" for w in whos or ("qa-approver",)]
    defaults = {"counts_for": counts_for, "digests": on.digests, "sheet": on.sheets.last(), "seat": person}
    return Vote.objects.create(request=on, person=person, verdict=verdict, **(defaults | fields))


def delegation(person, stand_in, **fields) -> Delegation:
    """`stand_in` votes in `person`'s places, from an hour ago until in two days."""
    now = timezone.now()
    defaults = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(days=2), "created_by": person}
    return Delegation.objects.create(person=person, stand_in=stand_in, **(defaults | fields))


def signoff(candidate, kind: str = "functional", state: str = "required", **fields) -> Signoff:
    return put_in_state(Signoff.objects.create(candidate=candidate, kind=kind, **fields), state)


def signed_off(release: Release, *kinds: str) -> list[Signoff]:
    """Sign-offs in place on the current candidate for `kinds`."""
    return [
        signoff(release.candidate, kind, "signed_off", signed_by=system_user(), signed_at=timezone.now())
        for kind in kinds
    ]


def evidence(of: Signoff, statement: str = "All cases were run by hand.", **fields) -> Evidence:
    return Evidence.objects.create(signoff=of, statement=statement, added_by=system_user(), **fields)


def waiver(of: Signoff, state: str = GrantState.GRANTED, **fields) -> Waiver:
    defaults = {"reason": "No time.", "expires_at": timezone.now() + timedelta(days=2), "requested_by": system_user()}
    return put_in_state(Waiver.objects.create(signoff=of, **(defaults | fields)), state)


def override(freeze, release: Release, state: str = GrantState.GRANTED, **fields) -> FreezeOverride:
    defaults = {
        "reason": "It cannot wait.",
        "expires_at": timezone.now() + timedelta(days=2),
        "requested_by": system_user(),
    }
    made = FreezeOverride.objects.create(freeze=freeze, release=release, **(defaults | fields))
    return put_in_state(made, state)
