"""Doors of the lifting of a stop. One person stops; the quorum resumes."""

from django.db import transaction

from accounts import policy
from accounts.models import User
from approvals.actions import parts
from approvals.actions.waiver import ask_quorum, vote_on
from approvals.models import Lift
from approvals.models.lift import STOPPABLE
from core.blockers import refuse
from core.events import record
from releases.models import Environment, Product, Release

MODELS = dict(zip(STOPPABLE, (Release, Product, Environment), strict=True))


@transaction.atomic(durable=True)
def request_lift(kind: str, pk: int, *, actor: User, reason: str) -> Lift:
    """Ask to lift the stop of a release, a product or an environment (`kind`), and open the request for it.

    Whoever may stop may ask. Raises KeyError, DoesNotExist, Http404/PermissionDenied, or Refused: not stopped, asked already, no
    reason, or nobody could agree to it.
    """
    stopped = parts.lock_stopped(MODELS[kind].objects.get(pk=pk))
    policy.require(actor, "releases.block_release", stopped)
    policy.require_person(actor)
    if not stopped.is_blocked:
        refuse("not-blocked", f"{stopped} is not blocked.")
    reason = parts.needs_text(reason, "Say why it may go on.", "reason")
    field = parts.STOPPED_FIELDS[type(stopped)]
    if Lift.objects.requested().filter(**{field: stopped}).exists():
        refuse("lift-stands", "The lifting of this stop has been asked for already.")
    lift = Lift.objects.create(
        **{field: stopped}, stopped_because=stopped.blocked_reason, reason=reason, requested_by=actor
    )
    record("lift.requested", lift, actor=actor, what=kind, reason=reason, stopped_because=lift.stopped_because)
    ask_quorum(lift, actor)
    return lift


def decide_lift(lift_id: int, *, actor: User, grant: bool, comment: str = "") -> Lift:
    """Vote on the request about a lifting as it is now. Raises Lift.DoesNotExist, or as `cast_vote`."""
    vote_on(Lift.objects.get(pk=lift_id), actor, grant, comment)
    return Lift.objects.get(pk=lift_id)
