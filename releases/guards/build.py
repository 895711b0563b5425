"""What a build and a test need: planned dependencies, no change twice, a candidate."""

from core import wording
from core.blockers import Blocker
from releases.guards.addresses import address
from releases.states import OPEN, ReleaseState


def dependencies_unplanned(release) -> list[Blocker]:
    return [
        Blocker(
            f"dependency-unplanned:{d.needs_id}",
            f"It needs {d.needs}, which is {d.needs.get_state_display().lower()}. Plan that one first, or drop the dependency.",
            d.needs.get_absolute_url(),
            f"Open {d.needs.version}",
        )
        for d in release.dependencies.all()
        if d.needs.state in (ReleaseState.DRAFT, ReleaseState.CANCELLED)
    ]


def dependencies_because(release) -> str:
    needed = [str(d.needs) for d in release.dependencies.all()]
    return f"Needs {wording.listed(needed)}" if needed else "Needs no other release"


def double_scope(release) -> list[Blocker]:
    """A change that another open release of the product carries too: the same commits, or the same pull request."""
    mine = list(release.changes.all())
    return [
        Blocker(
            f"double-scope:{change.key}:{other.release.version}",
            f"{change.key} is in {other.release.version} too, as {other.key}. Take it out of one of the two.",
            address("scope", release),
            "Open the scope",
        )
        for other in _elsewhere(release)
        for change in mine
        if _same_work(change, other)
    ]


def _elsewhere(release) -> list:
    known = getattr(release.product, "open_changes", None)
    if known is None:
        known = release.product.changes.filter(release__state__in=OPEN).select_related("release")
    return [change for change in known if change.release_id != release.pk]


def _same_work(one, other) -> bool:
    if one.pull_request and one.pull_request == other.pull_request:
        return True
    return bool(set(one.commits) & set(other.commits))


def double_scope_because(release) -> str:
    return "No change of it is in another open release"


def candidate_missing(release) -> list[Blocker]:
    if release.candidate_id is not None:
        return []
    message = "No candidate. A contributor or the build adds one: commit and artifact digests."
    return [Blocker("candidate-missing", message, address("candidates", release), "Add a candidate")]


def candidate_because(release) -> str:
    return f"{release.candidate.version} from {release.candidate.commit[:7]}"
