"""Doors of what may go wrong, and of the way back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.actions.editing import apply, needs_text, require_plan_editable
from releases.models import Release, Risk, RollbackPlan
from releases.states import Treatment

FIELDS = ("title", "impact", "likelihood", "plan", "owner")
WAY_BACK = (
    "method",
    "trigger",
    "steps",
    "expected_minutes",
    "owner",
    "point_of_no_return",
    "automatic",
)


def add_risk(release_id: int, *, actor: User, **fields) -> Risk:
    """List a risk: title, impact and likelihood (each 1 to 5), plan, owner. The list then has to be confirmed again.

    Raises Release.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        require_plan_editable(release, "The risks")
        risk = Risk(release=release)
        apply(risk, fields, FIELDS)
        risk.save()
        _list_changed(release, actor, added=risk.title, score=risk.score)
    return risk


def edit_risk(risk_id: int, *, actor: User, **fields) -> Risk:
    """Change a risk. A rating that rises takes the treatment back: what was accepted was a smaller risk."""
    with _locked_risk(risk_id) as risk:
        policy.require(actor, "releases.contribute", risk.release)
        require_plan_editable(risk.release, "The risks")
        score = risk.score
        changed = apply(risk, fields, FIELDS)
        if changed:
            if risk.score > score:
                risk.treated_at = risk.treated_by = None
            risk.save()
            _list_changed(risk.release, actor, edited=risk.title, changed=changed)
    return risk


def remove_risk(risk_id: int, *, actor: User) -> Release:
    """Take a risk off the list. Raises Risk.DoesNotExist."""
    with _locked_risk(risk_id) as risk:
        release = risk.release
        policy.require(actor, "releases.contribute", release)
        require_plan_editable(release, "The risks")
        risk.delete()
        _list_changed(release, actor, removed=risk.title)
    return release


def treat_risk(risk_id: int, *, actor: User, treatment: str, plan: str, owner: User | None = None) -> Risk:
    """Say what is done about a risk, and stand for it: mitigate, accept, transfer or avoid, with how or why.

    Raises Refused for an undecided treatment or an empty plan. The list stays confirmed: nothing was added to it.
    """
    with _locked_risk(risk_id) as risk:
        release = risk.release
        policy.require(actor, "releases.manage_release", release)
        policy.require_person(actor)
        require_plan_editable(release, "The risks")
        if treatment not in Treatment.values or treatment == Treatment.UNDECIDED:
            refuse("treatment-undecided", "Choose what is done about it.", field="treatment")
        plan = needs_text(plan, "plan", "Say how it is mitigated, or why it is accepted.")
        risk.treatment, risk.plan, risk.owner = treatment, plan, owner or risk.owner or actor
        risk.treated_at, risk.treated_by = timezone.now(), actor
        risk.save()
        record("release.risks_changed", release, actor=actor, treated=risk.title, treatment=treatment, plan=plan)
    return risk


def confirm_risks(release_id: int, *, actor: User) -> Release:
    """Say that the list of risks is complete, which may be an empty one."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.manage_release", release)
        policy.require_person(actor)
        require_plan_editable(release, "The risks")
        release.risks_assessed_at = timezone.now()
        release.save()
        record("release.risks_changed", release, actor=actor, confirmed=release.risks.count())
    return release


def save_rollback_plan(release_id: int, *, actor: User, **fields) -> RollbackPlan:
    """Write the rollback plan, which may be incomplete until approval is requested. Nothing is recorded when nothing differs."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.contribute", release)
        require_plan_editable(release, "The rollback plan")
        plan = RollbackPlan.objects.filter(release=release).first() or RollbackPlan(release=release)
        changed = apply(plan, fields, WAY_BACK)
        if changed or plan.pk is None:
            plan.changed_at = timezone.now()
            plan.save()
            record("release.rollback_plan_changed", release, actor=actor, changed=changed)
    return plan


@contextmanager
def _locked_risk(risk_id: int) -> Iterator[Risk]:
    """Lock the release, then give the risk. Raises Risk.DoesNotExist."""
    release_id = Risk.objects.values_list("release_id", flat=True).get(pk=risk_id)
    with locked(Release.objects.select_related("product"), release_id) as release:
        risk = Risk.objects.select_related("owner").get(pk=risk_id)
        risk.release = release
        yield risk


def _list_changed(release: Release, actor: User, **told) -> None:
    release.risks_assessed_at = None
    release.save()
    record("release.risks_changed", release, actor=actor, **told)
