"""Doors of changes: added, edited, moved on, held."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts import policy
from accounts.models import User
from core import wording
from core.blockers import refuse
from core.events import record
from releases import steps
from releases.actions.editing import apply, needs_text, require_scope_open
from releases.guards import field_label
from releases.keys import KEY, next_key
from releases.models import Change, Product, Release
from releases.states import ChangeState, ChangeType, ReleaseState

FIELDS = (
    "key",
    "title",
    "description",
    "type",
    "kind",
    "breaking",
    "risk",
    "impact",
    "backout",
    "author",
    "author_name",
    "commits",
    "pull_request",
)
EDITABLE = (ChangeState.NEW, ChangeState.ASSESSING, ChangeState.AUTHORISING, ChangeState.REJECTED)
OVER = (ChangeState.DONE, ChangeState.FAILED, ChangeState.BACKED_OUT, ChangeState.WITHDRAWN)
OFFERED_TYPES = (ChangeType.NORMAL, ChangeType.EMERGENCY)
TYPE_ELSEWHERE = {
    "standard": "A standard change is made from the catalogue.",
    "unauthorised": "Only what was found in place without an approval is unauthorised.",
}
EVENT_OF = {
    "assess": "change.assessing",
    "reject": "change.rejected",
    "rework": "change.reworked",
    "withdraw": "change.withdrawn",
}
ELSEWHERE = {
    "request_authorisation": "Authorisation is requested from the approvers on the change's own page.",
    "expedite": "Emergency authorisation is requested from the approvers on the change's own page.",
}


def add_change(product_id: int, *, actor: User, release_id: int | None = None, **fields) -> Change:
    """Add a change of a product, into a release's scope when one is named. Without a `key` it gets the next of the product.

    Raises Product.DoesNotExist, Release.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with scope_of(product_id, release_id) as (product, release):
        policy.require(actor, "releases.contribute", product)
        change = new_change(product, release, fields, actor)
        if release is not None:
            require_scope_open(release)
            record("release.scope_changed", release, actor=actor, added=[change.key])
    return change


@contextmanager
def scope_of(product_id: int, release_id: int | None) -> Iterator[tuple[Product, Release | None]]:
    """Lock the release first, then the product, whose lock makes keys unique."""
    with transaction.atomic(durable=True):
        release = None
        if release_id is not None:
            waiting = Release.objects.select_for_update(of=("self",), no_key=True).select_related("product")
            release = waiting.get(pk=release_id, product=product_id)
        yield Product.objects.select_for_update(no_key=True).get(pk=product_id), release


def new_change(product: Product, release: Release | None, fields: dict, actor: User) -> Change:
    """Save a change of a locked product and record it as added. Raises Refused at the field that does not fit."""
    change = Change(product=product, release=release, created_by=actor)
    if not fields.get("author_name"):
        fields = {"author": actor} | fields
    apply(change, fields | {"key": fields.get("key") or next_key(product)}, FIELDS)
    _check_type(change)
    _check_key(change)
    if product.changes.filter(key__iexact=change.key).exists():
        refuse("key-taken", f"There is already a change {change.key} of {product}.", field="key")
    change.save()
    record("change.added", change, actor=actor, key=change.key, title=change.title, release=release and release.version)
    return change


def _check_type(change: Change) -> None:
    if change.type not in OFFERED_TYPES:
        refuse("type-unfit", TYPE_ELSEWHERE.get(change.type, "A change is normal or an emergency."), field="type")


def _check_key(change: Change) -> None:
    if not KEY.fullmatch(change.key):
        refuse("key-invalid", "A key holds letters, digits, hyphens and underscores, as in PAY-12.", field="key")


@contextmanager
def locked_change(change_id: int) -> Iterator[Change]:
    """Lock a change, and the release that it is in before it. Raises Change.DoesNotExist, or Refused when it moves meanwhile."""
    release_id = Change.objects.values_list("release_id", flat=True).get(pk=change_id)
    with transaction.atomic(durable=True):
        if release_id is not None:
            Release.objects.select_for_update(no_key=True).get(pk=release_id)
        rows = Change.objects.select_for_update(of=("self",), no_key=True).select_related(
            "product", "release__product", "template__product"
        )
        change = rows.get(pk=change_id)
        if change.release_id != release_id:
            refuse("moved", f"{change.key} was moved to another release just now. Look at it again.")
        yield change


def edit_change(change_id: int, *, actor: User, **fields) -> Change:
    """Change fields of a change, until it is approved. While it is being authorised, votes on it go stale.

    An approved standard change stays one while its locked fields stay; with another type, or another value in one of them, it falls
    back to a new normal change. Raises Change.DoesNotExist, Http404/PermissionDenied, or Refused. Nothing is recorded when
    nothing differs.
    """
    with locked_change(change_id) as change:
        policy.require(actor, "releases.contribute", change)
        if not is_editable(change):
            message = f"{change.key} is {change.get_state_display().lower()} as it is. Withdraw it and add another one."
            refuse("change-settled", message, url=change.get_absolute_url(), fix="Open the change")
        changed = apply(change, fields, FIELDS)
        _check_edit(change, changed)
        if changed:
            _save_edit(change, changed, actor)
    return change


def is_editable(change: Change) -> bool:
    """Before it is approved; a standard change also after that, while its release's scope is open."""
    return change.state in EDITABLE or (change.state == ChangeState.APPROVED and change.template_id is not None)


def _save_edit(change: Change, changed: dict, actor: User) -> None:
    release = change.release
    if change.template_id is not None and release is not None and release.state != ReleaseState.CANCELLED:
        require_scope_open(release)
    broken = [name for name in changed if name in locked_names(change)]
    if {"risk", "impact", "backout"} & set(changed):
        change.assessed_by = actor
    if broken:
        steps.fall_back(change, actor, broken, _why_it_falls(broken))
    change.save()
    record("change.edited", change, actor=actor, changed=changed)
    if release is not None:
        record("release.scope_changed", release, actor=actor, edited=[change.key])


def locked_names(change: Change) -> list[str]:
    """The fields with which a standard change stands and falls, as they were when it was approved; none for any other change."""
    return [*change.template_locked, "type"] if change.template_id is not None else []


def _why_it_falls(fields: list[str]) -> str:
    changed = wording.listed([field_label(name).lower() for name in fields])
    return f"Edited where the catalogue had locked it: {changed}."


def _check_edit(change: Change, changed: dict) -> None:
    if "type" in changed:
        _check_type(change)
    if "key" in changed:
        _check_key(change)
    if "key" in changed and change.product.changes.filter(key__iexact=change.key).exclude(pk=change.pk).exists():
        refuse("key-taken", f"There is already a change {change.key} of {change.product}.", field="key")


def take_change_step(change_id: int, name: str, *, actor: User, reason: str = "") -> Change:
    """Take a transition of a change that a person takes: assess, reject, rework, withdraw.

    A withdrawn change leaves its release. Steps of approvals and of the system are refused and say where they are taken.
    """
    with locked_change(change_id) as change:
        step = Change.machine.steps.get(name)
        policy.require(actor, step.right if step and step.right else "releases.view_product", change)
        if name not in EVENT_OF:
            where = ELSEWHERE.get(name, "Slipway takes this step by itself." if step else "There is no such step.")
            refuse("not-this-way", where, url=change.get_absolute_url(), fix="Open the change")
        getattr(change, name)(reason=reason)
        left = change.release if name == "withdraw" else None
        if left is not None:
            require_scope_open(left)
            change.release = None
        change.save()
        record(EVENT_OF[name], change, actor=actor, **({"reason": reason.strip()} if step.reason else {}))
        if left is not None:
            record("release.scope_changed", left, actor=actor, removed=[change.key])
    return change


def hold_change(change_id: int, *, actor: User, reason: str) -> Change:
    """Put a change on hold: it is not approved and no release with it becomes ready. Raises Refused without a reason."""
    with locked_change(change_id) as change:
        policy.require(actor, "releases.authorise_change", change)
        reason = needs_text(reason, "reason", "Say why it is on hold.")
        if change.held_reason:
            refuse("held-already", f"{change.key} is on hold already: {change.held_reason}")
        if change.state in OVER:
            refuse("change-over", f"{change.key} is {change.get_state_display().lower()}; there is nothing to hold.")
        change.held_reason = reason
        change.save()
        record("change.held", change, actor=actor, reason=reason)
    return change


def release_change(change_id: int, *, actor: User, reason: str = "") -> Change:
    """Lift a change's hold. Raises Refused when there is none."""
    with locked_change(change_id) as change:
        policy.require(actor, "releases.authorise_change", change)
        if not change.held_reason:
            refuse("not-held", f"{change.key} is not on hold.")
        was, change.held_reason = change.held_reason, ""
        change.save()
        record("change.resumed", change, actor=actor, was=was, reason=reason.strip())
    return change
