"""Doors of freeze windows: times in which nothing ships."""

from django.db import transaction
from django.utils import timezone

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.actions import timetable
from releases.actions.editing import apply, needs_text
from releases.models import FreezeWindow, Product
from releases.states import Tier

FIELDS = ("name", "reason", "tiers", *timetable.FIELDS)


@transaction.atomic(durable=True)
def add_freeze(*, actor: User, products=(), **fields) -> FreezeWindow:
    """Announce a freeze: name, reason, starts_at, ends_at, tiers (none: production), for `products` (none: all).

    With `rule` (RFC 5545) it comes again by the wall time of `zone`; starts_at and ends_at are then its first occurrence.

    Raises PermissionDenied when the actor may not keep freezes for each of the products, or Refused at the field.
    """
    _require(actor, products)
    freeze = FreezeWindow(created_by=actor)
    apply(freeze, fields, FIELDS)
    _check(freeze)
    freeze.save()
    freeze.products.set(products)
    record("freeze.added", freeze, actor=actor, **_told(freeze, products))
    return freeze


def change_freeze(freeze_id: int, *, actor: User, products=None, **fields) -> FreezeWindow:
    """Change a freeze that still stands. `products` None leaves them. Nothing is recorded when nothing differs."""
    with locked(FreezeWindow.objects, freeze_id) as freeze:
        before = list(freeze.products.all())
        _require(actor, before)
        _require_standing(freeze)
        changed = apply(freeze, fields, FIELDS)
        if products is not None and set(products) != set(before):
            _require(actor, products)
            freeze.products.set(products)
            changed["products"] = [_names(before), _names(products)]
        _check(freeze)
        if changed:
            freeze.save()
            record("freeze.changed", freeze, actor=actor, changed=changed)
    return freeze


def lift_freeze(freeze_id: int, *, actor: User, reason: str) -> FreezeWindow:
    """End a freeze now, or call one off. Raises Refused without a reason, or when it is lifted already."""
    with locked(FreezeWindow.objects, freeze_id) as freeze:
        _require(actor, list(freeze.products.all()))
        reason = needs_text(reason, "reason", "Say why it is lifted.")
        _require_standing(freeze)
        freeze.lifted_at = timezone.now()
        freeze.save()
        record("freeze.lifted", freeze, actor=actor, name=freeze.name, reason=reason)
    return freeze


def _require(actor: User, products) -> None:
    for product in list(products) or [None]:
        policy.require(actor, "releases.manage_freezes", product)


def _require_standing(freeze: FreezeWindow) -> None:
    if freeze.lifted_at is not None:
        refuse("freeze-lifted", f"{freeze} was lifted. Add a new freeze instead.")


def _check(freeze: FreezeWindow) -> None:
    timetable.settle(freeze, "freeze")
    if set(freeze.tiers) - set(Tier.values):
        refuse("tier-unknown", "Choose tiers from the list.", field="tiers")


def _names(products) -> list[str]:
    return sorted(product.name for product in products)


def _told(freeze: FreezeWindow, products: list[Product]) -> dict:
    return {
        "name": freeze.name,
        "starts_at": freeze.starts_at,
        "ends_at": freeze.ends_at,
        "comes_again": freeze.comes_again,
        "zone": freeze.zone if freeze.rule else "",
        "products": _names(products),
        "tiers": sorted(freeze.frozen_tiers),
    }
