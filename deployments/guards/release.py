"""What the release itself must be before one of its candidates enters an environment."""

from core import gates
from core.blockers import Blocker
from releases.models import Change, Release
from releases.states import ReleaseState, Tier

ASKED_HERE = ("not_blocked", "window_open", "freeze")
MAY_ENTER = {
    Tier.DEVELOPMENT: ("building", "testing", "approving", "ready"),
    Tier.TEST: ("building", "testing", "approving", "ready"),
    Tier.STAGING: ("testing", "approving", "ready"),
    Tier.PRODUCTION: ("ready", "deploying"),
}


def release_not_ready(deployment) -> list[Blocker]:
    """Where the release must stand for this tier; for production also what the release itself asks before it deploys."""
    release, tier = deployment.release, Tier(deployment.environment.tier)
    if deployment.is_rollback:
        return []
    if release.state not in MAY_ENTER[tier]:
        allowed = " or ".join(ReleaseState(state).label.lower() for state in MAY_ENTER[tier])
        return [
            Blocker(
                "release-state",
                f"{release} is {release.get_state_display().lower()}; it enters {deployment.environment} while it is {allowed}.",
            )
        ]
    if tier != Tier.PRODUCTION:
        return []
    asked = asked_of_release(release, ASKED_HERE, but=True) + _asked_of_changes(release)
    return [blocker for answer in asked for blocker in answer.blockers]


def asked_of_release(release, names, *, but: bool = False) -> list:
    """The answers that the release's own gates give before it deploys: those named, or all `but` those."""
    step = Release.machine.steps["start_deploying"]
    return gates.answers(step.key, [name for name in step.gates if (name in names) != but], release)


def _asked_of_changes(release) -> list:
    """What the changes that would be implemented ask themselves."""
    step = Change.machine.steps["implement"]
    changes = [change for change in release.changes.all() if change.state in step.sources]
    return [answer for change in changes for answer in gates.answers(step.key, step.gates, change)]
