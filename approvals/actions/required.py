"""Door of the tests that a strategy asks for."""

from collections.abc import Iterable

from django.db import transaction

from accounts import policy as rights
from accounts.models import User
from approvals.models import RequiredSignoff
from approvals.states import SignoffKind
from core.blockers import Blocker, refuse_if
from core.events import record
from releases.models import Product
from releases.states import Strategy

RIGHT = "releases.manage_policies"


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
