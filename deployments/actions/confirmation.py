"""The door by which somebody else agrees to a rollback that asked nobody before."""

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts import policy
from accounts.models import User
from core import texts
from core.blockers import refuse
from core.events import record
from deployments import guards
from deployments.actions import steps
from deployments.actions.steps import held
from deployments.models import Deployment

RIGHT = "releases.authorise_change"
NOT_YOURS = "You started this yourself. Somebody else confirms it."


def confirm_rollback(deployment_id: int, *, actor: User, comment: str) -> Deployment:
    """Agree, after the fact, to a rollback of production; `comment` says what was looked at.

    Of one that began by itself, whoever started the deployment that it undid confirms nothing. Raises Deployment.DoesNotExist,
    Http404/PermissionDenied, or Refused: what owes no confirmation, or a comment that is missing.
    """
    with held(deployment_id) as rollback:
        policy.require(actor, RIGHT, rollback)
        policy.require_person(actor)
        if not guards.owes_confirmation(rollback):
            refuse(
                "nothing-to-confirm",
                f"#{rollback.pk} owes no confirmation. Only an ended rollback of production does, once.",
            )
        if actor.pk in behind(rollback):
            raise PermissionDenied(NOT_YOURS)
        if not comment.strip():
            refuse("comment-missing", "Say what you looked at, and whether going back was right.", field="comment")
        rollback.confirmation = texts.fit(comment, "comment")
        rollback.confirmed_by, rollback.confirmed_at = actor, timezone.now()
        rollback.save(update_fields=["confirmation", "confirmed_by", "confirmed_at"])
        record("deployment.confirmed", rollback, actor=actor, comment=rollback.confirmation, **steps.facts(rollback))
    return rollback


def refusal(user: User, rollback: Deployment) -> str:
    """Why a person may not confirm a rollback; "" when they may."""
    if not policy.may(user, RIGHT, rollback):
        return policy.refusal_text(RIGHT)
    return NOT_YOURS if user.pk in behind(rollback) else ""


def behind(rollback: Deployment) -> set[int]:
    """Ids of those who may not confirm it: who started it, and where nobody did, who started what it undid."""
    if rollback.started_by_id == steps.the_system().pk:
        return {rollback.started_by_id, rollback.rolls_back.started_by_id}
    return {rollback.started_by_id}
