"""What stands around a decision and is not bound by it: other releases, freezes, stops, open questions of tests, the way back.

It is read live and may change after a vote without asking the voter again; a decision sheet shows it apart for that reason.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from approvals import guards
from approvals.models import ApprovalRequest, FreezeOverride
from approvals.states import GrantState, RequestState, Subject
from approvals.subjects.kind import address
from core import wording
from core.events import stream_of
from core.models import Event
from releases import occurrences
from releases.models import Release
from releases.occurrences import Occurrence
from releases.states import OPEN

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Note:
    """One thing around a decision: what it is about, a sentence, and where to read on. `tone` as in the interface."""

    topic: str
    text: str
    tone: str = "info"
    icon: str = "info"
    url: str = ""


# What higher rooms know of how a release would be undone, such as the calls of a rollback.
_WAYS_BACK: list[Callable[[Release], list[Note]]] = []


def add_to_way_back(find: Callable[[Release], list[Note]]) -> None:
    """Put `find(release)` beside the rollback plan's own note around a decision on a release. Called in `apps.py`."""
    _WAYS_BACK.append(find)


def of(request: ApprovalRequest, user: User) -> list[Note]:
    """What stands around a request, for one reader: the names of releases out of their sight are left out."""
    release = release_of(request)
    stopped = stops(request, release)
    if release is None:
        return stopped
    with_window = [*conflicts(release, user), *freezes(release)] if release.window_starts_at else []
    return [*stopped, *with_window, *waivers(release), *requests_beside(request, release), *way_back(request, release)]


def release_of(request: ApprovalRequest) -> Release | None:
    """The release that a request touches, whatever it is about; None for a standard change, a policy, a product."""
    if request.kind == Subject.WAIVER:
        return request.waiver.signoff.candidate.release
    subject = request.subject
    return subject if request.kind == Subject.RELEASE else getattr(subject, "release", None)


# Stops


def stops(request: ApprovalRequest, release: Release | None) -> list[Note]:
    """That the release or its product is stopped now; the stop that a lifting is about stands on its own sheet."""
    if request.kind == Subject.LIFT:
        return []
    found = [stopped for stopped in (release, request.product) if stopped is not None and stopped.is_blocked]
    return [
        Note("Stopped", f"{stopped} is stopped: {stopped.blocked_reason}", "bad", "stop", stopped.get_absolute_url())
        for stopped in found
    ]


# Other releases


def conflicts(release: Release, user: User) -> list[Note]:
    """Other open releases in the same window, of the product or of one that is tied to it by a dependency."""
    products = {d.needs.product_id: f"which {release.product} needs" for d in release.dependencies.all()}
    needing = release.needed_by.select_related("release").filter(release__state__in=OPEN)
    products |= {d.release.product_id: f"which needs {release.product}" for d in needing}
    products[release.product_id] = "of the same product"
    rows = (
        Release.objects.filter(product__in=products, state__in=OPEN)
        .with_window_between(release.window_starts_at, release.window_ends_at)
        .exclude(pk=release.pk)
    )
    seen = rows.visible_to(user).select_related("product").order_by("window_starts_at", "pk")[:NAMED_AT_MOST]
    notes = [_conflict(other, products[other.product_id]) for other in seen]
    rest = rows.count() - len(notes)
    if rest:
        notes.append(Note("Same window", f"{wording.plural(rest, 'more release')} in this window.", "warn", "calendar"))
    return notes


def _conflict(other: Release, tie: str) -> Note:
    span = wording.span(other.window_starts_at, other.window_ends_at)
    text = f"{other}, {tie}: {other.get_state_display().lower()}, {span}."
    return Note("Same window", text, "warn", "calendar", other.get_absolute_url())


# Freezes


def freezes(release: Release) -> list[Note]:
    """Standing freezes of any tier that the window touches, each with what became of asking for an override."""
    touched = occurrences.touching(release.window_starts_at, release.window_ends_at, release.product_id)
    overrides = {}
    for override in release.freeze_overrides.all():
        known = overrides.get(override.freeze_id)
        if known is None or override.pk > known.pk:
            overrides[override.freeze_id] = override
    return [_freeze(found, overrides.get(found.freeze.pk), release) for found in touched]


def _freeze(found: Occurrence, override: FreezeOverride | None, release: Release) -> Note:
    said, tone = _override_words(override)
    tiers = wording.listed(sorted(found.freeze.frozen_tiers))
    span = wording.span(found.starts_at, found.ends_at)
    text = f"The window touches “{found.freeze.name}” ({tiers}), {span}: {said}."
    return Note("Freeze", text, tone, "freeze", guards.tab_url(release) + "#overrides")


def _override_words(override: FreezeOverride | None) -> tuple[str, str]:
    """(what became of the override, tone)."""
    if override is None:
        return "not overridden", "bad"
    if override.state == GrantState.GRANTED and override.expires_at > timezone.now():
        return f"overridden until {wording.full(override.expires_at)}", "info"
    if override.state == GrantState.REQUESTED:
        return f"an override until {wording.full(override.expires_at)} is asked for", "warn"
    words = {GrantState.REFUSED: "the override was refused"}
    return words.get(override.state, "the override has lapsed"), "bad"


# Tests


def waivers(release: Release) -> list[Note]:
    """Waivers of tests of the current candidate that are asked for or granted, each with its end."""
    if release.candidate is None:
        return []
    return [
        _waiver(signoff, waiver)
        for signoff in sorted(release.candidate.signoffs.all(), key=lambda s: s.kind)
        for waiver in signoff.waivers.all()
        if waiver.state in (GrantState.REQUESTED, GrantState.GRANTED)
    ]


def _waiver(signoff, waiver) -> Note:
    past = waiver.expires_at <= timezone.now()
    until = f"{'ended' if past else 'until'} {wording.full(waiver.expires_at)}"
    asked = waiver.state == GrantState.REQUESTED
    after = f" Afterwards: {waiver.follow_up}." if waiver.follow_up else ""
    text = f"{signoff.get_kind_display()} tests: waiver {'asked for' if asked else 'granted'}, {until}. {waiver.reason}"
    tone = "bad" if past else "warn"
    return Note("Waiver", f"{text}{after}", tone, "waive", address("approvals:waiver", waiver.pk))


# Other requests


def requests_beside(request: ApprovalRequest, release: Release) -> list[Note]:
    """Other requests about the same release, its changes and exemptions that are still open."""
    about = (
        Q(release=release)
        | Q(change__release=release)
        | Q(waiver__signoff__candidate__release=release)
        | Q(override__release=release)
        | Q(lift__release=release)
    )
    rows = ApprovalRequest.objects.filter(about, state__in=[RequestState.PENDING, RequestState.SUSPENDED])
    rows = rows.exclude(pk=request.pk).with_subjects().defer("sheet").order_by("due_at", "pk")
    found = list(rows[: NAMED_AT_MOST + 1])
    notes = [
        Note("Also asked", f"{r}, due {wording.moment(r.due_at)}.", "info", "scale", r.get_absolute_url())
        for r in found[:NAMED_AT_MOST]
    ]
    if len(found) > NAMED_AT_MOST:
        more = rows.count() - NAMED_AT_MOST
        notes.append(Note("Also asked", f"{wording.plural(more, 'more request')} about {release}.", "info", "scale"))
    return notes


# The way back


def way_back(request: ApprovalRequest, release: Release) -> list[Note]:
    """How fresh the rollback plan is, and what higher rooms know of it; only where the plan is part of what is decided on."""
    if request.kind != Subject.RELEASE:
        return []
    return [_planned(release), *(note for find in _WAYS_BACK for note in find(release))]


def _planned(release: Release) -> Note:
    try:
        plan = release.rollback_plan
    except ObjectDoesNotExist:
        return Note("Way back", "There is no rollback plan.", "bad", "undo")
    text, tone = rehearsed(release, plan)
    return Note("Way back", text, tone, "undo", address("releases:rollback", release.product.slug, release.version))


def rehearsed(release: Release, plan) -> tuple[str, str]:
    """(when the plan was rehearsed, who noted it, on which candidate; tone)."""
    if plan.rehearsed_at is None:
        return "The rollback was never rehearsed.", "bad"
    at = f"The rollback was rehearsed {wording.moment(plan.rehearsed_at)}, {wording.relative(plan.rehearsed_at)}"
    noted = _noted_by(release)
    at += f", as {noted.name} noted" if noted else ""
    known = [c for c in release.candidates.all() if c.added_at <= plan.rehearsed_at]
    tried = max(known, key=lambda c: c.number, default=None)
    if tried is None:
        return f"{at}, before there was a candidate.", "warn"
    if release.candidate_id == tried.pk:
        return f"{at}, on {tried.short}, the current candidate.", "ok"
    return f"{at}, on {tried.short}; the candidate is {release.candidate.short} now.", "warn"


def _noted_by(release: Release) -> User | None:
    """Who last wrote down when the rollback was rehearsed: by the event log, the plan itself does not keep it."""
    events = Event.objects.filter(stream=stream_of(release), name="release.rollback_plan_changed")
    last = events.filter(payload__changed__has_key="rehearsed_at").select_related("actor").order_by("-pk").first()
    return last.actor if last and last.actor_id else None
