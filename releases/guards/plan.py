"""What a plan needs: objective, manager, window, scope; and the strategy that takes the short way."""

from django.utils import timezone

from core import wording
from core.blockers import Blocker
from releases.guards.addresses import address


def objective_missing(release) -> list[Blocker]:
    if release.objective.strip():
        return []
    return [
        Blocker(
            "objective-missing",
            "No objective. Approvers need to know what will be better for whom; whoever plans the release writes it.",
            address("edit", release),
            "Write the objective",
            "objective",
        )
    ]


def manager_missing(release) -> list[Blocker]:
    if release.manager_id is None:
        message = "No release manager. Somebody must own how and when it ships."
        return [Blocker("manager-missing", message, address("edit", release), "Name a manager", "manager")]
    if not release.manager.is_active:
        message = f"{release.manager.name} no longer has an account. Name another release manager."
        return [Blocker("manager-gone", message, address("edit", release), "Name a manager", "manager")]
    return []


def manager_because(release) -> str:
    return f"{release.manager.name} decides how and when"


def window_missing(release) -> list[Blocker]:
    if release.window_starts_at is None:
        message = "No window. Say between which two times it goes live."
        return [Blocker("window-missing", message, address("edit", release), "Set the window", "window_starts_at")]
    if release.window_ends_at <= timezone.now():
        message = f"The window closed on {wording.full(release.window_ends_at)}. Give it a new one."
        return [Blocker("window-over", message, address("edit", release), "Move the window", "window_starts_at")]
    return []


def window_because(release) -> str:
    return wording.span(release.window_starts_at, release.window_ends_at)


def scope_empty(release) -> list[Blocker]:
    if release.changes.all():
        return []
    message = "Nothing is in scope. Take at least one change in, by hand or from Git."
    return [Blocker("scope-empty", message, address("scope", release), "Choose the scope")]


def scope_because(release) -> str:
    return wording.plural(len(release.changes.all()), "change") + " in scope"


def not_emergency(release) -> list[Blocker]:
    if release.is_emergency:
        return []
    message = "Only an emergency release takes the short way. Change the strategy if it is one."
    return [Blocker("not-emergency", message, address("edit", release), "Change the strategy", "strategy")]
