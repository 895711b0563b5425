"""What stands around a decision about a release, by what deployments know: how production would be taken back.

None of it is bound by a vote. The rollback plan is on the sheet; this says what would be called now, and whether that was tried.
"""

from django.utils import timezone

from approvals.around import Note
from core import wording
from deployments import way_back
from deployments.drivers import DRIVERS
from deployments.guards.addresses import rollback
from deployments.way_back import NoReturn, Rehearsal, WayBack
from releases.models import Release

CALLS, REHEARSAL, NO_RETURN = "Rollback calls", "Rehearsal", "No return"


def way_back_notes(release: Release) -> list[Note]:
    """The calls for each production environment in their order, how fresh the rehearsal is, and where there is no way back."""
    ways, url = way_back.in_production(release), rollback(release)
    points = dict.fromkeys(point for way in ways for point in way.no_return)
    notes = [_calls(way, url) for way in ways]
    notes.append(_rehearsal(release, way_back.rehearsal_of(release), url))
    return notes + [_point(point, url) for point in points]


def _calls(way: WayBack, url: str) -> Note:
    if not way.hooks:
        return Note(CALLS, f"Nothing would be called: {way.environment} has no active hook.", "bad", "undo", url)
    calls = [_call(hook) for hook in way.hooks]
    listed = wording.listed([f"{place}. {call}" for place, call in enumerate(calls, start=1)] if calls[1:] else calls)
    again = (
        " No hook is made for a rollback there: the earlier candidate is deployed again." if way.deploys_again else ""
    )
    if not way.version_to:
        text = f"Nothing was verified in {way.environment} before, so there is no candidate to go back to."
        return Note(CALLS, text, "warn", "undo", url)
    text = f"{way.environment} goes from {way.version_from} to {way.version_to} by {listed}.{again}"
    return Note(CALLS, text, "info", "undo", url)


def _call(hook) -> str:
    tool = DRIVERS[hook.driver].label if hook.driver in DRIVERS else hook.driver
    return f"{hook.name} ({tool}, at most {wording.duration(hook.timeout_s)})"


def _rehearsal(release: Release, rehearsal: Rehearsal, url: str) -> Note:
    trouble = "bad" if way_back.is_demanded(release) else "warn"
    if rehearsal.made is None:
        return _without(release, rehearsal, trouble, url)
    made = rehearsal.made
    when = f"{wording.moment(made.verified_at)}, {wording.relative(made.verified_at)}, in {made.environment}"
    link = made.get_absolute_url()
    if not rehearsal.is_same:
        return Note(REHEARSAL, f"The way back has changed since it was rehearsed {when}.", trouble, "stale", link)
    until = wording.full(rehearsal.holds_until)
    if rehearsal.holds_until <= timezone.now():
        return Note(REHEARSAL, f"The rehearsal {when}, is too old: it held until {until}.", trouble, "stale", link)
    text = f"This way back was rehearsed {when}; that holds until {until}."
    return Note(REHEARSAL, text, "ok", "check-circle", link)


def _without(release: Release, rehearsal: Rehearsal, trouble: str, url: str) -> Note:
    """Of a candidate that was never rehearsed well."""
    tried = rehearsal.tried
    if tried is not None and not tried.has_ended:
        return Note(
            REHEARSAL, f"It is being rehearsed in {tried.environment}.", "info", "running", tried.get_absolute_url()
        )
    if rehearsal.skipped:
        text = f"In the rehearsal in {tried.environment} “{rehearsal.skipped}” was skipped, so it does not count."
        return Note(REHEARSAL, text, "bad", "x-circle", tried.get_absolute_url())
    if tried is not None:
        return Note(
            REHEARSAL, f"The rehearsal in {tried.environment} failed.", "bad", "x-circle", tried.get_absolute_url()
        )
    asked = f"{release.product} asks for it" if trouble == "bad" else f"{release.product} does not ask for it"
    text = f"No rehearsal of these calls for this candidate; {asked} before a {release.get_strategy_display().lower()} release."
    return Note(REHEARSAL, text, trouble, "clock", url)


def _point(point: NoReturn, url: str) -> Note:
    if point.crossed_at:
        text = f"“{point.name}” was done {wording.moment(point.crossed_at)}: there is no way back any more."
        return Note(NO_RETURN, text, "bad", "stop", url)
    return Note(
        NO_RETURN, f"“{point.name}”, a {point.what}: once it is done, there is no way back.", "warn", "alert", url
    )
