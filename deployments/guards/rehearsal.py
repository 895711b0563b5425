"""Whether the way back was tried before production, where the product wants that."""

from django.utils import timezone

from core import wording
from core.blockers import Blocker
from deployments import way_back
from deployments.guards.addresses import rehearse, rollback


def not_rehearsed(deployment) -> list[Blocker]:
    """A rehearsal of this candidate, by the way back as it is now, not too long ago; says which of the three is missing."""
    if not _is_asked(deployment):
        return []
    release = deployment.release
    made = way_back.rehearsal_of(release)
    trouble = _trouble(release, made)
    return [Blocker(*trouble, *_where(release))] if trouble else []


def _is_asked(deployment) -> bool:
    return (
        deployment.environment.is_production and not deployment.is_rollback and way_back.is_demanded(deployment.release)
    )


def _trouble(release, rehearsal) -> tuple[str, str] | None:
    """(code, message), or None when it is proven."""
    if rehearsal.made is None:
        how = _how_it_went(rehearsal)
        kind = release.get_strategy_display().lower()
        name = _name(release)
        said = f"Nobody rehearsed the way back from {name} yet; {release.product} asks for it before a {kind} release.{how}"
        return "rehearsal-missing", said
    when = f"{wording.moment(rehearsal.made.verified_at)} in {rehearsal.made.environment}"
    if not rehearsal.is_same:
        return "rehearsal-changed", f"The way back has changed since it was rehearsed {when}. Rehearse it as it is now."
    if rehearsal.holds_until <= timezone.now():
        days = wording.plural(release.product.rehearsal_days, "day")
        return "rehearsal-old", f"The rehearsal {when} is older than {days}. Rehearse it again."
    return None


def _how_it_went(rehearsal) -> str:
    if rehearsal.tried is None:
        return ""
    if rehearsal.skipped:
        return f" In the last try, #{rehearsal.tried.pk}, “{rehearsal.skipped}” was skipped, so it does not count."
    return f" The last try, #{rehearsal.tried.pk}, did not succeed."


def _name(release) -> str:
    return release.candidate.version if release.candidate else str(release)


def _where(release) -> tuple[str, str]:
    """(address, words) of where it is rehearsed; the rollback plan where no environment has the candidate verified."""
    place = way_back.place_to_rehearse(release)
    return (rehearse(release, place), "Rehearse now") if place else (rollback(release), "Open the way back")


def because_rehearsed(deployment) -> str:
    if not _is_asked(deployment):
        return "No rehearsal is asked for."
    made = way_back.rehearsal_of(deployment.release)
    at = wording.relative(made.made.verified_at)
    return f"Rehearsed {at} in {made.made.environment}; that holds until {wording.full(made.holds_until)}."
