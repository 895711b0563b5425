"""The public status page: when does it come, and what changes for me? Anyone with the link, no names, nothing internal."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core import wording
from core.models import Event
from portal.looks import stage_number
from releases.frame import taken_back
from releases.models import Release
from releases.states import SHIPPED, ReleaseState

STAGE_WORDS = ("Planned", "Built", "Tested", "Approved", "Going live", "Reviewed", "Closed")
NOW_WORDS = ("In planning", "Being built", "Being tested", "In approval", "Going live", "In review", "Closed")
RAMP_X = (130, 245, 360, 472, 570)  # where the ship stands on the ramp until it is in the water
RAMP_SLOPE, RAMP_TOP = 0.1425, 36
AFLOAT = (850, 134, 0)

# What the public is told, with tone and icon; everything else stays inside.
UPDATES = {
    "release.planned": ("mute", "flag", "The plan stands."),
    "release.build_started": ("mute", "branch", "It is being built."),
    "release.testing_started": ("mute", "flask", "Testing has begun."),
    "release.approval_requested": ("mute", "scale", "Testing is done. Approvals are being collected."),
    "release.marked_ready": ("ok", "check-circle", "It is approved and ready to go live."),
    "release.deploying_started": ("info", "deploy", "It is going live."),
    "release.released": ("ok", "check-circle", "It is live."),
    "release.rolled_back": ("bad", "undo", "It was taken back. The version before runs again."),
    "release.held": ("warn", "pause", "It is on hold."),
    "release.resumed": ("info", "play", "Work on it goes on."),
    "release.cancelled": ("bad", "x-circle", "It will not come."),
    "release.closed": ("mute", "check", "It is reviewed and closed."),
    "release.plan_reopened": ("warn", "clock", "The plan is being changed."),
}


@dataclass(frozen=True)
class Update:
    at: object
    tone: str
    icon: str
    words: str


@require_safe
def status(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a release's secret link; 404 for an unknown one. Never cached, never indexed."""
    release = Release.objects.select_related("product").filter(status_token=token).first()
    if release is None:
        raise Http404("There is no such page.")
    back = taken_back(release) or (release.state in SHIPPED and not release.released_at)
    at = stage_number(release.state, release.held_from)
    names = [NOW_WORDS[n] if n == at - 1 else STAGE_WORDS[n] for n in range(7)]
    tone, icon, badge = standing(release, back)
    context = {
        "release": release,
        "at": at,
        "names": names,
        "tone": tone,
        "badge_icon": icon,
        "badge": badge,
        "title": headline(release, back),
        "is_live": release.state in SHIPPED and not back,
        "ship": ship(at),
        "updates": updates(release),
        "answers": answers(release, back),
    }
    response = render(request, "portal/status.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def ship(at: int) -> tuple[float, float, float]:
    """(x, y, angle in degrees) of the ship at a stage: on the ramp until it is released, then afloat."""
    if at > len(RAMP_X):
        return AFLOAT
    x = RAMP_X[at - 1]
    return x, round(RAMP_TOP + x * RAMP_SLOPE, 1), 8.13


def what(release: Release) -> str:
    return release.title or f"{release.product.name} {release.version}"


def headline(release: Release, back: bool) -> str:
    """The answer: `Instant refunds go live on Thu 12 Nov`, in words that fit singular and plural titles."""
    state, name = release.state, what(release)
    if back:
        return f"{name}: taken back"
    if state in SHIPPED:
        return f"{name}: live since {wording.day(release.released_at, year=True)}"
    if state == ReleaseState.CANCELLED:
        return f"{name}: will not come"
    if state == ReleaseState.ON_HOLD:
        return f"{name}: on hold"
    if state == ReleaseState.DEPLOYING:
        return f"{name}: going live now"
    if release.window_starts_at is None:
        return f"{name}: the date is not set yet"
    return f"{name}: live on {wording.day(release.window_starts_at)}"


def standing(release: Release, back: bool) -> tuple[str, str, str]:
    """(tone, icon, word) of the badge. Never a chance: only what is known."""
    state = release.state
    if back:
        return "bad", "undo", "Taken back"
    if state in SHIPPED:
        return "ok", "check-circle", "Live"
    if state == ReleaseState.CANCELLED:
        return "mute", "x-circle", "Cancelled"
    if state == ReleaseState.ON_HOLD:
        return "warn", "pause", "On hold"
    if state == ReleaseState.DEPLOYING:
        return "info", "running", "Going live"
    if release.window_ends_at and release.window_ends_at < timezone.now():
        return "warn", "clock", "Late"
    return "info", "calendar", "Planned"


def answers(release: Release, back: bool) -> list[tuple[str, str, str]]:
    """(question, answer, explanation), from what the plan says."""
    rows = []
    if release.objective:
        rows.append(("What changes for me?", what(release), release.objective))
    if back:
        rows.append(("Is it live?", "No", "It was taken back; the version before runs again."))
    elif release.state in SHIPPED:
        rows.append(("Is it live?", "Yes", f"Since {wording.full(release.released_at)}."))
    elif release.window_starts_at:
        rows.append(("When does it come?", wording.day(release.window_starts_at, year=True), _window(release)))
    rows.append(("Where does it stand?", *stands_at(release, back)))
    return rows


def _window(release: Release) -> str:
    opens, closes = release.window_starts_at, release.window_ends_at
    return f"Between {wording.clock(opens)} and {wording.clock(closes)} {wording.zone(closes)}."


def stands_at(release: Release, back: bool) -> tuple[str, str]:
    """(word, explanation) of its place on the way."""
    at, word = stage_number(release.state, release.held_from), standing(release, back)[2]
    if release.state == ReleaseState.CANCELLED:
        return word, "It was planned and then called off."
    going_on = release.state not in (ReleaseState.ON_HOLD, ReleaseState.ROLLED_BACK)
    return NOW_WORDS[at - 1] if going_on else word, f"Stage {at} of 7."


def updates(release: Release) -> list[Update]:
    """What the public may know of what happened, newest first: verbs only, no names, no reasons."""
    events = Event.objects.filter(stream=f"release:{release.pk}", name__in=UPDATES).order_by("-seq")[:12]
    return [Update(e.at, *UPDATES[e.name]) for e in events]
