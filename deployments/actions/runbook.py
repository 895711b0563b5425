"""Doors of a runbook: written while it is a draft, started, aborted. What is done step by step is in `runbook_step`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from deployments.actions import runbook_going
from deployments.actions.runbook_rules import FIELDS, check, check_needs, needs_name
from deployments.models import Runbook, RunbookStep
from deployments.states import RunbookState
from releases.actions.editing import apply
from releases.models import Release

RIGHT = "releases.deploy"


def add_runbook(release_id: int, *, actor: User, name: str = "Cut-over", starts_at: datetime | None = None) -> Runbook:
    """Begin a runbook for a release, as a draft without steps.

    Raises Release.DoesNotExist, Http404/PermissionDenied, or Refused: a name that is missing or taken.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, RIGHT, release)
        runbook = _new(release, name, starts_at, actor)
        record("runbook.added", runbook, actor=actor, name=runbook.name, starts_at=starts_at)
    return runbook


def _new(release: Release, name: str, starts_at: datetime | None, actor: User) -> Runbook:
    runbook = Runbook(release=release, created_by=actor)
    apply(runbook, {"name": needs_name(name), "starts_at": starts_at}, ("name", "starts_at"))
    _require_free_name(runbook)
    runbook.save()
    return runbook


def _require_free_name(runbook: Runbook) -> None:
    others = Runbook.objects.filter(release=runbook.release_id, name__iexact=runbook.name).exclude(pk=runbook.pk)
    if others.exists():
        refuse("runbook-name-taken", f"There is a runbook “{runbook.name}” already. Choose another name.", field="name")


def copy_runbook(runbook_id: int, release_id: int, *, actor: User, name: str = "") -> Runbook:
    """Make a draft for a release from another runbook of its product: the same steps, owners and needs, nothing done.

    Whoever has left owns nothing. Raises Runbook.DoesNotExist and as add_runbook.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, RIGHT, release)
        source = Runbook.objects.select_related("release").get(pk=runbook_id)
        policy.require(actor, "releases.view_product", source)
        if source.release.product_id != release.product_id:
            refuse(
                "other-product",
                f"“{source}” is of another product, with other environments. Choose one of {release.product}.",
            )
        runbook = _new(release, name or source.name, None, actor)
        _copy_steps(source, runbook)
        record("runbook.added", runbook, actor=actor, name=runbook.name, copied_from=str(source))
    return runbook


def _copy_steps(source: Runbook, runbook: Runbook) -> None:
    steps = list(source.steps.select_related("owner").prefetch_related("needs"))
    made = {}
    for step in steps:
        kept = {name: getattr(step, name) for name in FIELDS}
        if step.owner_id and not step.owner.is_active:
            kept["owner"] = None
        made[step.pk] = RunbookStep.objects.create(runbook=runbook, position=step.position, **kept)
    for step in steps:
        made[step.pk].needs.set([made[need.pk] for need in step.needs.all()])


def edit_runbook(runbook_id: int, *, actor: User, **fields) -> Runbook:
    """Change the name of a draft, or when it is planned to start (`name`, `starts_at`)."""
    with drafted(runbook_id, actor) as runbook:
        if "name" in fields:
            fields["name"] = needs_name(fields["name"])
        changed = apply(runbook, fields, ("name", "starts_at"))
        _require_free_name(runbook)
        if changed:
            runbook.save()
            record("runbook.edited", runbook, actor=actor, changed=changed)
    return runbook


def remove_runbook(runbook_id: int, *, actor: User) -> Release:
    """Throw a draft away."""
    with drafted(runbook_id, actor) as runbook:
        release = runbook.release
        record("runbook.removed", runbook, actor=actor, name=runbook.name)
        runbook.delete()
    return release


# Steps of a draft


def add_step(runbook_id: int, *, actor: User, needs: Iterable[int] | None = None, **fields) -> RunbookStep:
    """Add a step at the end. `fields` are name, instructions, kind, environment, owner, team, planned_minutes, point_of_no_return.

    `needs` are ids of steps of the same runbook; None: the step before. Raises Runbook.DoesNotExist, Http404/PermissionDenied, or
    Refused at the field: a runbook that has started, an owner who may not see the product, an environment of another product.
    """
    with drafted(runbook_id, actor) as runbook:
        others = list(runbook.steps.all())
        step = RunbookStep(runbook=runbook, position=max((s.position for s in others), default=0) + 1)
        apply(step, fields, FIELDS)
        check(step)
        wanted = [s.pk for s in others[-1:]] if needs is None else list(needs)
        check_needs(step, wanted, others)
        step.save()
        step.needs.set(wanted)
        record("runbook.step_added", runbook, actor=actor, step=step.name)
    return step


def edit_step(step_id: int, *, actor: User, needs: Iterable[int] | None = None, **fields) -> RunbookStep:
    """Change a step of a draft; `needs` None leaves them. A circle of needs is refused at `needs`. Raises as add_step."""
    with drafted(_runbook_of(step_id), actor) as runbook:
        step = runbook.steps.get(pk=step_id)
        step.runbook = runbook
        changed = apply(step, fields, FIELDS)
        check(step)
        if needs is not None:
            wanted = list(needs)
            check_needs(step, wanted, list(runbook.steps.prefetch_related("needs")))
            step.needs.set(wanted)
        step.save()
        record("runbook.step_edited", runbook, actor=actor, step=step.name, changed=changed)
    return step


def move_step(step_id: int, *, actor: User, up: bool) -> Runbook:
    """Show a step one place earlier or later; what it needs stays as it is."""
    with drafted(_runbook_of(step_id), actor) as runbook:
        steps = list(runbook.steps.all())
        here = next(i for i, step in enumerate(steps) if step.pk == step_id)
        there = here - 1 if up else here + 1
        if 0 <= there < len(steps):
            steps[here], steps[there] = steps[there], steps[here]
            for position, step in enumerate(steps, start=1):
                RunbookStep.objects.filter(pk=step.pk).update(position=position)
            record("runbook.step_moved", runbook, actor=actor, step=steps[there].name, place=there + 1)
    return runbook


def remove_step(step_id: int, *, actor: User) -> Runbook:
    """Take a step out of a draft. Those that needed it then need what it needed, so the order stays."""
    with drafted(_runbook_of(step_id), actor) as runbook:
        step = runbook.steps.get(pk=step_id)
        inherited = list(step.needs.all())
        for follower in step.needed_by.all():
            follower.needs.add(*inherited)
        record("runbook.step_removed", runbook, actor=actor, step=step.name)
        step.delete()
    return runbook


def _runbook_of(step_id: int) -> int:
    return RunbookStep.objects.values_list("runbook_id", flat=True).get(pk=step_id)


# The whole


def start_runbook(runbook_id: int, *, actor: User) -> Runbook:
    """Start it: the first steps are handed to their owners, and its deployments start in the name of `actor`.

    Raises Runbook.DoesNotExist, Http404/PermissionDenied, or Refused with every blocker.
    """
    with opened(runbook_id) as runbook:
        policy.require(actor, RIGHT, runbook)
        policy.require_person(actor)
        runbook.start()
        runbook.started_by = actor
        runbook.save()
        record("runbook.started", runbook, actor=actor, steps=runbook.steps.count())
        runbook_going.go_on(runbook, actor=actor)
    return runbook


def abort_runbook(runbook_id: int, *, actor: User, reason: str) -> Runbook:
    """End it where it stands. Nothing is undone, and a deployment that runs goes on: it has a page of its own."""
    with opened(runbook_id) as runbook:
        policy.require(actor, RIGHT, runbook)
        runbook.abort(reason=reason)
        runbook.save()
        record("runbook.aborted", runbook, actor=actor, reason=reason)
    return runbook


@contextmanager
def opened(runbook_id: int) -> Iterator[Runbook]:
    """A door's transaction around one runbook: its release and then itself are locked. Raises Runbook.DoesNotExist."""
    release_id = Runbook.objects.values_list("release_id", flat=True).get(pk=runbook_id)
    with locked(Release.objects.select_related("product"), release_id) as release:
        runbook = Runbook.objects.select_for_update(of=("self",), no_key=True).get(pk=runbook_id)
        runbook.release = release
        yield runbook


@contextmanager
def drafted(runbook_id: int, actor: User) -> Iterator[Runbook]:
    """The same, of one that may still be edited by `actor`."""
    with opened(runbook_id) as runbook:
        policy.require(actor, RIGHT, runbook)
        if runbook.state != RunbookState.DRAFT:
            refuse("runbook-started", f"“{runbook.name}” has started, so its steps stay as they are.")
        yield runbook
