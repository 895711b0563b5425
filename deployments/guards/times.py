"""When an environment may be entered: the window of the release, the environment's own windows, freezes, and what else collides."""

from django.utils import timezone

from core import gates
from core.blockers import Blocker
from core.wording import full, listed
from deployments.guards.release import asked_of_release
from releases import conflicts
from releases.conflicts import Conflict, Wish
from releases.occurrences import INSTANT
from releases.states import ConflictKind, Severity

IN_PEOPLE_AND_ORDER = (ConflictKind.DEPENDENCY, ConflictKind.PEOPLE)


def window_closed(deployment) -> list[Blocker]:
    """Production is entered inside the release's window only; an environment with windows of its own only inside one of them."""
    if deployment.is_rollback:
        return []
    return _of_release(deployment) + _blocking(deployment, (ConflictKind.WINDOW,))


def _of_release(deployment) -> list[Blocker]:
    if not deployment.environment.is_production:
        return []
    return [b for answer in asked_of_release(deployment.release, ("window_open",)) for b in answer.blockers]


def because_window(deployment):
    release = deployment.release
    said = "Only production waits for the window of the release."
    if deployment.environment.is_production and release.window_ends_at:
        said = f"The window is open until {full(release.window_ends_at)}."
    if found := _now(deployment, (ConflictKind.WINDOW,)):
        return gates.Clear(f"{said} {_let_by(found)}", waived=True)
    on = [span for window in deployment.environment.windows.all() if (span := window.occurrence_at(timezone.now()))]
    if on:
        return f"{said} {deployment.environment} is open until {full(max(span.ends_at for span in on))}."
    return said


def frozen(deployment) -> list[Blocker]:
    """Freezes of this tier that are on now, that count for the product and that no granted override opens for the release."""
    blocking = [c for c in _now(deployment, (ConflictKind.FREEZE,)) if c.stands_in_the_way]
    return [
        Blocker(
            "frozen",
            f"{conflict.message} "
            + ("It takes an override." if conflict.severity == Severity.OVERRIDE else "It is kept."),
            conflict.ask_url,
            "Ask for an override" if conflict.ask_url else "",
        )
        for conflict in blocking
    ]


def because_not_frozen(deployment):
    if found := _now(deployment, (ConflictKind.FREEZE,)):
        return gates.Clear(_let_by(found), waived=True)
    return "No freeze covers it now."


def conflicting(deployment) -> list[Blocker]:
    """People and dependencies, where the product's rules make more of them than a warning."""
    return [] if deployment.is_rollback else _blocking(deployment, IN_PEOPLE_AND_ORDER)


def because_no_conflict(deployment):
    if found := _now(deployment, IN_PEOPLE_AND_ORDER):
        return gates.Clear(" ".join(c.message for c in found), waived=any(c.overridden for c in found))
    return "It meets nothing now."


def booked_by_another(deployment) -> list[Blocker]:
    """Whoever booked the environment for now goes first."""
    return [] if deployment.is_rollback else _blocking(deployment, (ConflictKind.ENVIRONMENT,))


def _blocking(deployment, kinds) -> list[Blocker]:
    return [conflict.as_blocker for conflict in _now(deployment, kinds) if conflict.stands_in_the_way]


def _now(deployment, kinds) -> list[Conflict]:
    """What a start at this instant collides with. A rollback is not asked."""
    if deployment.is_rollback:
        return []
    now = timezone.now()
    return conflicts.find(Wish(deployment.release, now, now + INSTANT, deployment.environment, deployment.pk), kinds)


def _let_by(found: list[Conflict]) -> str:
    overridden = [c.message.rstrip(".") for c in found if c.overridden]
    warned = [c.message for c in found if not c.overridden]
    return " ".join([*([f"Overridden: {listed(overridden)}."] if overridden else []), *warned])
