"""What this room does when something has happened elsewhere. Run by a worker after the commit; harmless to repeat."""

from approvals import actions
from approvals.actions import board
from approvals.models import ApprovalRequest, Lift, Signoff, Waiver
from core.models import Event
from releases.models import Change


def _id_of(event: Event) -> int:
    return int(event.stream.split(":")[1])


def follow_release(event: Event, key: str, target: str) -> None:
    actions.align(release_id=_id_of(event), editor=event.actor)


def follow_change(event: Event, key: str, target: str) -> None:
    """A change is a subject of its own, and part of its release's scope."""
    actions.align(change_id=_id_of(event), editor=event.actor)
    change = Change.objects.filter(pk=_id_of(event)).first()
    if change and change.release_id:
        actions.align(release_id=change.release_id, editor=event.actor)


def follow_signoff(event: Event, key: str, target: str) -> None:
    signoff = Signoff.objects.select_related("candidate").get(pk=_id_of(event))
    actions.align(release_id=signoff.candidate.release_id, editor=event.actor)


def follow_waiver(event: Event, key: str, target: str) -> None:
    waiver = Waiver.objects.select_related("signoff__candidate").get(pk=_id_of(event))
    actions.align(release_id=waiver.signoff.candidate.release_id, editor=event.actor)
    actions.align_all(ApprovalRequest.objects.standing().filter(waiver=waiver), editor=event.actor)


def follow_override(event: Event, key: str, target: str) -> None:
    actions.align_all(ApprovalRequest.objects.standing().filter(override=_id_of(event)), editor=event.actor)


def follow_template(event: Event, key: str, target: str) -> None:
    actions.align_all(ApprovalRequest.objects.standing().filter(template=_id_of(event)), editor=event.actor)


def follow_policy(event: Event, key: str, target: str) -> None:
    actions.align_all(ApprovalRequest.objects.standing().filter(proposal=_id_of(event)), editor=event.actor)


def follow_stop(event: Event, key: str, target: str) -> None:
    """A stop that is gone needs no lifting any more."""
    model, pk = event.stream.split(":")
    field = {"release": "release", "product": "stopped_product", "environment": "environment"}[model]
    rows = Lift.objects.requested().filter(**{field: int(pk)})
    actions.align_all(ApprovalRequest.objects.standing().filter(lift__in=rows), editor=event.actor)


def follow_freeze(event: Event, key: str, target: str) -> None:
    """The freeze is on the sheet of whatever asks to be let through it."""
    rows = ApprovalRequest.objects.standing().filter(override__freeze=_id_of(event))
    actions.align_all(rows, editor=event.actor)


def follow_environment(event: Event, key: str, target: str) -> None:
    """Where a product ships to is on the sheet of everything that is about to ship there."""
    kind, _, product_id = event.scope.partition(":")
    if kind != "product":
        return
    actions.align_all(ApprovalRequest.objects.standing().about_product(int(product_id)), editor=event.actor)


def follow_rename(event: Event, key: str, target: str) -> None:
    """A sheet says people and products by their names: whatever names this one is another sheet now (docs/decisions)."""
    if not {"name", "first_name", "last_name"} & event.payload["changed"].keys():
        return
    standing = ApprovalRequest.objects.standing()
    named = standing.naming_person if event.name == "person.changed" else standing.naming_product
    actions.align_all(named(_id_of(event)), editor=event.actor)


def renew_signoffs(event: Event, key: str, target: str) -> None:
    if event.name == "release.plan_edited" and "candidate" not in event.payload.get("changed", {}):
        return
    actions.renew_signoffs(_id_of(event))


def fill_agendas(event: Event, key: str, target: str) -> None:
    """What is asked, decided or moved concerns the agendas of the boards of its product."""
    kind, _, product_id = event.scope.partition(":")
    if kind == "product":
        board.fill_agendas(int(product_id))


def check_reach(event: Event, key: str, target: str) -> None:
    """Who goes away, and who no longer stands in, may have been the last one who could approve something."""
    person_id = event.payload["person"] if event.stream.startswith("delegation:") else _id_of(event)
    actions.check_reach(person_id, event.pk)
