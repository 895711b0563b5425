"""What the state of a release, or the one it is held from, allows."""

from releases.states import CARRIES, ReleaseState


def standing(release) -> str:
    """The state that decides what may be edited: where a release on hold came from, else its own."""
    return release.held_from if release.state == ReleaseState.ON_HOLD else str(release.state)


def carries_candidate(release) -> bool:
    """Whether a candidate may be added now: from the build to ready, and from the draft on in an emergency."""
    early = (ReleaseState.DRAFT, ReleaseState.PLANNED)
    return standing(release) in CARRIES or (release.is_emergency and standing(release) in early)
