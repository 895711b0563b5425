"""Doors of the release: its plan, its steps, its block, its dependencies, and what people say about it."""

from graphlib import CycleError, TopologicalSorter

from django.db import connection

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.actions.editing import apply, needs_text, require_plan_editable
from releases.guards import address, standing, version_trouble
from releases.models import Dependency, Product, Release
from releases.states import FINISHED, WENT_LIVE, ReleaseState

PLAN = (
    "version",
    "title",
    "objective",
    "strategy",
    "manager",
    "window_starts_at",
    "window_ends_at",
)
MATERIAL = frozenset(PLAN) - {"title"}
SETTLED_BY_BUILD = ("version", "strategy")

EVENT_OF = {
    "plan": "release.planned",
    "start_build": "release.build_started",
    "start_testing": "release.testing_started",
    "reopen_plan": "release.plan_reopened",
    "hold": "release.held",
    "resume": "release.resumed",
    "cancel": "release.cancelled",
}
ELSEWHERE = {
    "request_approval": "Approval is requested on the release's Approvals page.",
    "expedite": "The short way is asked for on the release's Approvals page.",
    "close": "A release is closed by its post-release review.",
}
_DEPENDENCIES = 0x51D3  # advisory lock: one dependency is added at a time, so that no two make a circle together


def draft_release(product_id: int, *, actor: User, version: str, **plan) -> Release:
    """Draft a release of a product. `plan` holds any of title, objective, strategy, manager, window_starts_at, window_ends_at.

    Raises Product.DoesNotExist, Http404/PermissionDenied, or Refused with a blocker at each field that does not fit.
    """
    with locked(Product.objects, product_id) as product:
        policy.require(actor, "releases.plan_release", product)
        release = Release(product=product, created_by=actor)
        apply(release, {"version": version, **plan}, PLAN)
        _check_plan(release, {"version", *plan})
        release.save()
        record("release.drafted", release, actor=actor, version=release.version, strategy=release.strategy)
    return release


def edit_plan(release_id: int, *, actor: User, **plan) -> Release:
    """Change fields of the plan. Harmless when nothing differs: then no event is recorded.

    All but the title is material: it counts the plan's version up, and approvals go stale by facet. From the build on, version
    and strategy need the plan reopened. A new version drops the current candidate, which carries the old one.
    """
    with locked(Release.objects.select_related("product", "manager"), release_id) as release:
        policy.require(actor, "releases.plan_release", release)
        require_plan_editable(release, "The plan")
        changed = apply(release, plan, PLAN)
        _require_reopened(release, changed)
        if "version" in changed:
            Product.objects.select_for_update(no_key=True).get(pk=release.product_id)
        _check_plan(release, set(changed))
        if changed:
            _save_plan(release, changed, actor)
    return release


def _save_plan(release: Release, changed: dict, actor: User) -> None:
    material = bool(MATERIAL & set(changed))
    if material:
        release.plan_version += 1
    if "version" in changed and release.candidate is not None:
        changed["candidate"] = [release.candidate.version, None]
        release.candidate = None
    release.save()
    record(
        "release.plan_edited",
        release,
        actor=actor,
        changed=changed,
        material=material,
        plan_version=release.plan_version,
    )


def _require_reopened(release: Release, changed: dict) -> None:
    settled = [name for name in SETTLED_BY_BUILD if name in changed]
    if settled and standing(release) not in (ReleaseState.DRAFT, ReleaseState.PLANNED):
        original = Release(product=release.product, version=changed.get("version", [release.version])[0])
        refuse(
            "plan-settled",
            f"The {' and the '.join(settled)} cannot change once the build has begun. Reopen the plan first.",
            url=address("step", original, "reopen_plan"),
            fix="Reopen the plan",
            field=settled[0],
        )


def _check_plan(release: Release, names: set[str]) -> None:
    """Raise Refused at the field for a version that does not fit, a window in disorder, or somebody who cannot manage."""
    if "version" in names:
        _check_version(release)
    if names & {"window_starts_at", "window_ends_at"}:
        _check_window(release)
    if "manager" in names and release.manager is not None:
        _check_manager(release)


def _check_manager(release: Release) -> None:
    if not policy.holders("release-manager", release).filter(pk=release.manager_id).exists():
        message = f"{release.manager.name} is not a release manager of {release.product}. Choose somebody who is."
        refuse("manager-unfit", message, field="manager")


def _check_version(release: Release) -> None:
    others = release.product.releases.exclude(pk=release.pk)
    live = list(others.filter(state__in=WENT_LIVE).values_list("version", flat=True))
    if others.filter(version=release.version).exclude(state=ReleaseState.CANCELLED).exists():
        refuse("version-taken", f"There is already a release {release.version} of {release.product}.", field="version")
    trouble = version_trouble(release.product, release.version, live=live)
    if trouble:
        refuse(*trouble, field="version")


def _check_window(release: Release) -> None:
    start, end = release.window_starts_at, release.window_ends_at
    if (start is None) != (end is None):
        field = "window_starts_at" if start is None else "window_ends_at"
        refuse("window-half", "A window has a start and an end. Give both, or neither.", field=field)
    if start is not None and end <= start:
        refuse("window-order", "The window ends before it starts. Choose a later end.", field="window_ends_at")


def take_step(release_id: int, name: str, *, actor: User, reason: str = "") -> Release:
    """Take a transition of the release that a person takes: plan, start_build, start_testing, reopen_plan, hold, resume, cancel.

    Raises Release.DoesNotExist, Http404/PermissionDenied, or Refused with every blocker; then nothing has changed. Steps that
    belong to other rooms (approval, closing) or to the system are refused and say where they are taken.
    """
    with locked(Release.objects.select_related("product"), release_id) as release:
        step = Release.machine.steps.get(name)
        policy.require(actor, step.right if step and step.right else "releases.view_product", release)
        if name not in EVENT_OF:
            where = ELSEWHERE.get(name, "Slipway takes this step by itself." if step else "There is no such step.")
            refuse("not-this-way", where, url=release.get_absolute_url(), fix="Open the release")
        came_from = str(release.state)
        getattr(release, name)(reason=reason)
        release.save()
        payload = {"reason": reason.strip()} if step.reason else {}
        record(EVENT_OF[name], release, actor=actor, came_from=came_from, **payload)
    return release


def block_release(release_id: int, *, actor: User, reason: str) -> Release:
    """Block a release at once: no deployment of it starts until the block is lifted. Raises Refused without a reason."""
    with locked(Release.objects.select_related("product", "blocked_by"), release_id) as release:
        policy.require(actor, "releases.block_release", release)
        reason = needs_text(reason, "reason", "Say why: those who must lift the block will ask.")
        if release.state in FINISHED:
            refuse("finished", f"{release} is {release.get_state_display().lower()}; there is nothing to block.")
        if release.is_blocked:
            refuse("blocked-already", f"It is blocked already: {release.blocked_reason}")
        release.stop(reason, actor)
        release.save()
        record("release.blocked", release, actor=actor, reason=reason)
    return release


def comment(release_id: int, *, actor: User, text: str) -> Release:
    """Say something about a release; it stands in its activity. Markdown. Raises Refused for an empty text."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.comment", release)
        text = needs_text(text, "text", "Write something first.")
        record("release.commented", release, actor=actor, text=text)
    return release


def add_dependency(release_id: int, needs_id: int, *, actor: User, must_ship_first: bool = True) -> Dependency:
    """Let a release need another one that the actor may see. Raises Refused for a circle, which it names."""
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.plan_release", release)
        require_plan_editable(release, "What it needs")
        needs = Release.objects.visible_to(actor).select_related("product").get(pk=needs_id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_DEPENDENCIES])
        if release.dependencies.filter(needs=needs).exists():
            refuse("dependency-known", f"It needs {needs} already.", field="needs")
        _refuse_circle(release, needs)
        dependency = release.dependencies.create(needs=needs, must_ship_first=must_ship_first)
        record("release.dependencies_changed", release, actor=actor, added=str(needs), must_ship_first=must_ship_first)
    return dependency


def _refuse_circle(release: Release, needs: Release) -> None:
    graph: dict[int, set[int]] = {release.pk: {needs.pk}}
    for one, other in Dependency.objects.exclude(release__state__in=FINISHED).values_list("release_id", "needs_id"):
        graph.setdefault(one, set()).add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        names = {r.pk: str(r) for r in Release.objects.filter(pk__in=circle).select_related("product")}
        path = " needs ".join(names[pk] for pk in circle)
        refuse("dependency-circle", f"That makes a circle: {path}. Leave one of these out.", field="needs")


def remove_dependency(dependency_id: int, *, actor: User) -> Release:
    """Let a release no longer need another one. Raises Dependency.DoesNotExist."""
    release_id = Dependency.objects.values_list("release_id", flat=True).get(pk=dependency_id)
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, "releases.plan_release", release)
        require_plan_editable(release, "What it needs")
        dependency = release.dependencies.select_related("needs__product").get(pk=dependency_id)
        dependency.delete()
        record("release.dependencies_changed", release, actor=actor, removed=str(dependency.needs))
    return release
