"""The door for what happened unasked: a change that was found in place is recorded, and agreed to or not afterwards."""

from collections.abc import Iterable

from django.db import transaction

from accounts import policy
from accounts.models import User
from approvals import guards, matching
from approvals.actions import opening
from approvals.states import Purpose
from releases import steps
from releases.models import Change, Product


@transaction.atomic(durable=True)
def record_unauthorised_change(
    product_id: int, *, actor: User, title: str, description: str = "", commits: Iterable[str] = ()
) -> Change:
    """Record a change that was found in place without an approval, and open the request for its retrospective approval.

    Nothing found is lost for want of people: where nobody could agree, the request is opened by the sweep once somebody can.
    Raises Product.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    product = Product.objects.select_for_update(no_key=True).get(pk=product_id)
    policy.require(actor, "releases.contribute", product)
    change = steps.discover_change(product, actor=actor, title=title, description=description, commits=commits)
    ask_afterwards(change, actor)
    return change


def ask_afterwards(change: Change, actor: User) -> bool:
    """Open the retrospective request of a locked unauthorised change where its rules can be met. False where they cannot."""
    change.asking = actor
    if guards.policy_unmet(change):
        return False
    opening.open_request(change, matching.match_for(change), actor, purpose=Purpose.RETROSPECTIVE)
    return True
