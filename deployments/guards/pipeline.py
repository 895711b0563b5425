"""The order of phases, standstills, and which candidate goes forward."""

from datetime import timedelta

from core.blockers import Blocker
from core.wording import full, listed, plural
from deployments import pipeline, where
from deployments.guards.addresses import tab
from releases.phases import minutes
from releases.states import Needs
from releases.versions import SCHEMES, InvalidVersion


def earlier_phases_open(deployment) -> list[Blocker]:
    """Every earlier phase must have what it needs for the same candidate, and have soaked."""
    if deployment.is_rollback:
        return []
    seen = _pipeline(deployment)
    return why_closed(seen, seen.of(deployment.environment), deployment.release)


def why_closed(seen: pipeline.Pipeline, phase: pipeline.PhaseStanding, release) -> list[Blocker]:
    """What each earlier phase still needs before this one opens; one blocker per phase and trouble."""
    return [b for earlier in seen.closed_by(phase) for b in _needed(seen.candidate, earlier, release)]


def _needed(candidate, phase: pipeline.PhaseStanding, release) -> list[Blocker]:
    if not phase.lacks:
        return [_soaking(candidate, phase, release)]
    cut = [standing for standing in phase.left if standing.cut_at]
    if phase.group.needs == Needs.AT_LEAST:
        return [_too_few(candidate, phase, release)]
    new = [standing.environment.name for standing in phase.left if not standing.cut_at]
    found = [_cut_short(candidate, standing, phase, release) for standing in cut]
    if new:
        found.append(
            Blocker(
                "not-verified-before",
                f"{candidate} was not verified in {listed(new)} yet. Deploy it there first.",
                tab(release),
                f"Deploy to {new[0]}",
            )
        )
    return found


def _too_few(candidate, phase: pipeline.PhaseStanding, release) -> Blocker:
    there = len(phase.standings) - len(phase.left)
    return Blocker(
        "too-few-verified",
        f"{candidate} counts in {there} of {plural(len(phase.standings), 'environment')} of “{phase.name}”, and it takes "
        f"{phase.group.required}. Deploy it to {phase.lacks} more: {listed([s.environment.name for s in phase.left], 'or')}.",
        tab(release),
        f"Deploy to {phase.left[0].environment.name}",
    )


def _cut_short(candidate, standing: pipeline.Standing, phase: pipeline.PhaseStanding, release) -> Blocker:
    ran = int((standing.cut_at - standing.deployment.verified_at) / timedelta(minutes=1))
    return Blocker(
        "soak-cut-short",
        f"{candidate} ran in {standing.environment.name} for {minutes(ran)} of {minutes(phase.group.soak_minutes)}, then "
        f"{_what_came(standing)}. Deploy it there again.",
        tab(release),
        f"Deploy to {standing.environment.name}",
    )


def _what_came(standing: pipeline.Standing) -> str:
    if standing.cut_by == pipeline.NOTHING:
        return "it was taken out without Slipway"
    return f"{standing.cut_by} took its place without Slipway" if standing.cut_by else "another one took its place"


def _soaking(candidate, phase: pipeline.PhaseStanding, release) -> Blocker:
    return Blocker(
        "still-soaking",
        f"{candidate} soaks in {phase.name} for another {minutes(phase.soak_left_minutes)}, until {full(phase.done_at)}.",
        tab(release),
        "Watch it",
    )


def because_phase_open(deployment) -> str:
    if deployment.is_rollback:
        return "A way back waits for no phase."
    seen = _pipeline(deployment)
    earlier = seen.before(seen.of(deployment.environment))
    if not earlier:
        return "It is in the first phase."
    needed = [phase.name for phase in earlier if phase.group.needs != Needs.OPTIONAL]
    return f"Verified in {listed(needed)}." if needed else "What comes before it may be passed over."


def progression_prevented(deployment) -> list[Blocker]:
    """A candidate at a standstill enters no environment of a phase that it has not reached."""
    if deployment.is_rollback:
        return []
    seen = _pipeline(deployment)
    if not seen.is_stopped_before(seen.of(deployment.environment)):
        return []
    stop = seen.standstill
    return [
        Blocker(
            "progression-prevented",
            f"{stop.begun_by} stopped {seen.candidate} where it is: {stop.reason} Somebody with the right to unblock must let it "
            "go on.",
            f"{tab(deployment.release)}#standstill",
            "See the standstill",
        )
    ]


def because_progression(deployment) -> str:
    stopped = not deployment.is_rollback and _pipeline(deployment).standstill
    return "It was here before it was stopped." if stopped else "Nobody stopped this candidate."


def _pipeline(deployment) -> pipeline.Pipeline:
    return pipeline.read(deployment.candidate, pipeline.environments_of(deployment.environment.product))


def not_current_candidate(deployment) -> list[Blocker]:
    """Only the release's current candidate goes forward."""
    current = deployment.release.candidate
    if deployment.is_rollback or (current and current.pk == deployment.candidate_id):
        return []
    said = f"The current candidate is {current.version}." if current else "The release has no candidate."
    return [
        Blocker("not-current-candidate", f"{said} Plan a deployment of that one.", tab(deployment.release), "Plan it")
    ]


def older_than_running(deployment) -> list[Blocker]:
    """Going back is a rollback, and is called so. Where a scheme has no order, the numbers of candidates alone count.

    What was sighted there counts like what was deployed, if it is a candidate; an unknown version has no place in the order.
    """
    running = None if deployment.is_rollback else where.running_in(deployment.environment)
    if running is None or running.candidate is None or not _is_older(deployment, running.candidate):
        return []
    there = f"{running.version} runs in {deployment.environment}"
    if running.is_outside:
        message = f"{there} by report and is newer. Ship a newer version, or report what runs there if that is not so."
        return [Blocker("older-than-running", message, running.url, "See what ran there")]
    return [
        Blocker(
            "older-than-running", f"{there} and is newer. Roll that deployment back instead.", running.url, "Open it"
        )
    ]


def _is_older(deployment, running) -> bool:
    release = deployment.release
    if running.release_id == release.pk:
        return deployment.candidate.number < running.number
    try:
        return SCHEMES[release.product.scheme].is_newer(release.version, than=running.release.version) is False
    except InvalidVersion:
        return False
