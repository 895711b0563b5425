"""Policies, requests, votes, sign-offs, waivers and overrides."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from accounts.actions import system_user
from approvals import sheet
from approvals.models import (
    ApprovalRequest,
    Evidence,
    FreezeOverride,
    FrozenSheet,
    Policy,
    RequestRule,
    RequiredSignoff,
    Rule,
    Signoff,
    Vote,
    Waiver,
)
from approvals.states import GrantState, Subject, Verdict
from releases.models import Release
from tests.factories.releases import put_in_state

_numbers = count(1)


def policy(rules=None, *, subject=Subject.RELEASE, **fields) -> Policy:
    """A policy that is asked first. `rules`: {role: need} or {role: {"need", "veto", "facets"}}; default one QA approver."""
    fields.setdefault("position", 0)
    made = Policy.objects.create(name=fields.pop("name", f"Policy {next(_numbers)}"), subject=subject, **fields)
    for role, rule in (rules or {"qa-approver": 1}).items():
        Rule.objects.create(policy=made, role=role, **(rule if isinstance(rule, dict) else {"need": rule}))
    return made


def required(strategy: str, *kinds: str, product=None) -> None:
    """Replace the kinds of sign-off that a strategy asks for, in general or on one product."""
    RequiredSignoff.objects.filter(strategy=strategy, product=product).delete()
    for kind in kinds:
        RequiredSignoff.objects.create(strategy=strategy, kind=kind, product=product)


def request(subject, rules=None, *, requester=None, state="pending", **fields) -> ApprovalRequest:
    """A request on the subject as it is now. `rules` as for `policy`."""
    seen = sheet.of(subject)
    field = "release" if isinstance(subject, Release) else "change"
    made = ApprovalRequest.objects.create(
        requester=requester or system_user(),
        policy_name=fields.pop("policy_name", "Policy"),
        sheet=seen.content,
        digests=seen.digests,
        digest=seen.digest,
        due_at=fields.pop("due_at", timezone.now() + timedelta(days=3)),
        state=state,
        **{field: subject},
        **fields,
    )
    for role, rule in (rules or {"qa-approver": 1}).items():
        options = {"need": 1, "veto": True, "facets": []} | (rule if isinstance(rule, dict) else {"need": rule})
        RequestRule.objects.create(request=made, role=role, **options)
    FrozenSheet.objects.create(request=made, digest=seen.digest, digests=seen.digests, content=seen.content)
    return made


def vote(on: ApprovalRequest, person, *roles: str, verdict=Verdict.APPROVE, **fields) -> Vote:
    """A counting vote on the sheet as frozen in the request."""
    defaults = {"roles": list(roles) or ["qa-approver"], "digests": on.digests, "sheet": on.sheets.last()}
    return Vote.objects.create(request=on, person=person, verdict=verdict, **(defaults | fields))


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
