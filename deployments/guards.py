"""Why a deployment may not start, go on, succeed or be undone now; and what releases ask of deployments.

A rollback is asked less: neither approvals nor the window nor the order of environments may keep the last good candidate
from coming back. A stop still holds: nothing enters a blocked environment.
"""

from django.urls import reverse
from django.utils import timezone

from approvals.states import GrantState
from core import gates
from core.blockers import Blocker
from core.wording import full
from deployments import probe
from deployments.drivers import DRIVERS
from deployments.states import DeploymentKind, DeploymentState, RunState
from releases.models import Change, FreezeWindow, Release
from releases.states import ReleaseState, Tier
from releases.versions import SCHEMES, InvalidVersion

ASKED_HERE = ("not_blocked", "window_open", "freeze")
STOPS_EVEN_A_WAY_BACK = ("product-blocked", "environment-blocked")
PASSED = (RunState.SUCCEEDED, RunState.SKIPPED)
MAY_ENTER = {
    Tier.DEVELOPMENT: ("building", "testing", "approving", "ready"),
    Tier.TEST: ("building", "testing", "approving", "ready"),
    Tier.STAGING: ("testing", "approving", "ready"),
    Tier.PRODUCTION: ("ready", "deploying"),
}


def blocked(deployment) -> list[Blocker]:
    """The stops that people set: on product and environment for everything, on the release for going forward."""
    found = []
    product = deployment.environment.product
    if product.is_blocked:
        message = f"All of {product} is blocked: {product.blocked_reason} The block must be lifted first."
        found.append(Blocker("product-blocked", message))
    if reason := deployment.environment.blocked_reason:
        found.append(
            Blocker(
                "environment-blocked", f"{deployment.environment} is blocked: {reason} The block must be lifted first."
            )
        )
    if deployment.release.is_blocked and not deployment.is_rollback:
        found.append(
            Blocker(
                "release-blocked",
                f"{deployment.release} is blocked: {deployment.release.blocked_reason} The block must be lifted first.",
            )
        )
    return found


def environment_taken(deployment) -> list[Blocker]:
    """One deployment at a time per environment. A rollback works inside the hold of the one that it undoes."""
    holder = (
        deployment.environment.deployments.live()
        .exclude(pk__in=[pk for pk in (deployment.pk, deployment.rolls_back_id) if pk])
        .select_related("candidate", "environment")
        .first()
    )
    if holder is None:
        return _still_stopping(deployment)
    return [
        Blocker(
            "environment-taken",
            f"{holder.environment} is taken by #{holder.pk} ({holder.candidate.version}, "
            f"{holder.get_state_display().lower()}). It must end first.",
            reverse("deployments:deployment", args=[holder.pk]),
            "Open it",
        )
    ]


def _still_stopping(deployment) -> list[Blocker]:
    """Tools of earlier deployments that were told to stop and have not yet."""
    if deployment.is_rollback:
        return []  # it waits for them by itself
    stopping = deployment.environment.deployments.filter(runs__state=RunState.CANCELLED, runs__due_at__isnull=False)
    return [
        Blocker(
            "environment-stopping",
            f"#{earlier.pk} was stopped, but its tool has not ended yet. Wait a moment.",
            reverse("deployments:deployment", args=[earlier.pk]),
            "Open it",
        )
        for earlier in stopping.exclude(pk=deployment.pk).distinct()[:1]
    ]


def not_verified_before(deployment) -> list[Blocker]:
    """The same candidate must have been verified in the nearest earlier environment, and not taken back there since."""
    earlier = _environment_before(deployment)
    if deployment.is_rollback or earlier is None:
        return []
    if earlier.deployments.verified().filter(candidate=deployment.candidate_id).exists():
        return []
    return [
        Blocker(
            "not-verified-before",
            f"{deployment.candidate.version} was not verified in {earlier} yet. Deploy it there first.",
            _tab(deployment.release),
            f"Deploy to {earlier}",
        )
    ]


def because_verified_before(deployment) -> str:
    earlier = _environment_before(deployment)
    return f"Verified in {earlier}." if earlier else "It is the first environment."


def _environment_before(deployment):
    environment = deployment.environment
    before = [e for e in environment.product.environments.all() if e.position < environment.position]
    return max(before, key=lambda e: e.position, default=None)


def not_current_candidate(deployment) -> list[Blocker]:
    """Only the release's current candidate goes forward."""
    current = deployment.release.candidate
    if deployment.is_rollback or (current and current.pk == deployment.candidate_id):
        return []
    said = f"The current candidate is {current.version}." if current else "The release has no candidate."
    return [
        Blocker("not-current-candidate", f"{said} Plan a deployment of that one.", _tab(deployment.release), "Plan it")
    ]


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
    asked = _asked_of_release(release, ASKED_HERE, but=True) + _asked_of_changes(release)
    return [blocker for answer in asked for blocker in answer.blockers]


def window_closed(deployment) -> list[Blocker]:
    """Production is entered inside the release's window only."""
    if deployment.is_rollback or not deployment.environment.is_production:
        return []
    return [b for answer in _asked_of_release(deployment.release, ("window_open",)) for b in answer.blockers]


def because_window(deployment) -> str:
    release = deployment.release
    if not deployment.environment.is_production or not release.window_ends_at:
        return "Only production waits for the window."
    return f"The window is open until {full(release.window_ends_at)}."


def _asked_of_release(release, names, *, but: bool = False) -> list:
    """The answers that the release's own gates give before it deploys: those named, or all `but` those."""
    step = Release.machine.steps["start_deploying"]
    return gates.answers(step.key, [name for name in step.gates if (name in names) != but], release)


def _asked_of_changes(release) -> list:
    """What the changes that would be implemented ask themselves."""
    step = Change.machine.steps["implement"]
    changes = [change for change in release.changes.all() if change.state in step.sources]
    return [answer for change in changes for answer in gates.answers(step.key, step.gates, change)]


def frozen(deployment) -> list[Blocker]:
    """Freezes of this tier that cover this instant and that no granted override opens for the release."""
    return [
        Blocker(
            "frozen", f"“{freeze}” freezes {deployment.environment} until {full(freeze.ends_at)}. It takes an override."
        )
        for freeze in _freezes(deployment)
        if freeze.pk not in _overridden(deployment)
    ]


def because_not_frozen(deployment):
    opened = [str(freeze) for freeze in _freezes(deployment)]
    if opened and not deployment.is_rollback:
        return gates.Clear(f"Overridden: {', '.join(opened)}.", waived=True)
    return "No freeze covers it now."


def _freezes(deployment) -> list[FreezeWindow]:
    if deployment.is_rollback:
        return []
    standing = FreezeWindow.objects.now(deployment.release.product_id)
    return [freeze for freeze in standing if deployment.environment.tier in freeze.frozen_tiers]


def _overridden(deployment) -> set[int]:
    granted = deployment.release.freeze_overrides.filter(state=GrantState.GRANTED, expires_at__gt=timezone.now())
    return set(granted.values_list("freeze_id", flat=True))


def hooks_unfit(deployment) -> list[Blocker]:
    """Something must do the work, and be set up rightly."""
    product = deployment.environment.product
    url = reverse("deployments:hooks", args=[product.slug])
    hooks = deployment.hooks()
    if not hooks:
        return [
            Blocker("no-hook", f"{deployment.environment} has no active hook: nothing would deploy.", url, "Add a hook")
        ]
    return [
        Blocker(f"hook-unfit:{hook.pk}", f"{hook}: {trouble}", url, "Mend it")
        for hook in hooks
        if (trouble := unfit(hook))
    ]


def unfit(hook) -> str:
    """What is wrong with a hook's set-up, or ""."""
    driver = DRIVERS.get(hook.driver)
    if driver is None:
        return f"there is no driver {hook.driver}."
    return " ".join(driver.validate(hook.config).values())


def because_hooks(deployment) -> str:
    return f"{', '.join(hook.name for hook in deployment.hooks())}."


def older_than_running(deployment) -> list[Blocker]:
    """Going back is a rollback, and is called so. Where a scheme has no order, the numbers of candidates alone count."""
    running = deployment.environment.deployments.running().select_related("candidate__release").first()
    if deployment.is_rollback or running is None or not _is_older(deployment, running.candidate):
        return []
    return [
        Blocker(
            "older-than-running",
            f"{running.candidate.version} runs in {deployment.environment} and is newer. Roll that deployment back instead.",
            reverse("deployments:deployment", args=[running.pk]),
            "Open it",
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


def runs_unfinished(deployment) -> list[Blocker]:
    """Each step's newest attempt must have succeeded, or been skipped with a reason; no step at all proves nothing."""
    runs = deployment.latest_runs()
    if not runs:
        return [Blocker("no-run", "No hook was called.")]
    return [
        Blocker(f"run-{run.state}:{run.position}", f"{run.name} is {run.get_state_display().lower()}.")
        for run in runs
        if run.state not in PASSED
    ]


def not_verified(deployment) -> list[Blocker]:
    """The probes since the verification began must have been good without a break for the steady time."""
    steady_s = verification_of(deployment.environment).steady_s
    if not deployment.environment.url:
        return [] if deployment.samples.filter(ok=True).exists() else [Blocker("not-verified", "Nobody looked yet.")]
    samples = [
        probe.Sample(sample.ok, sample.status, sample.detail, sample.elapsed_ms or 0, sample.at)
        for sample in deployment.samples.filter(at__gte=deployment.verifying_since)
    ]
    if probe.steady(samples, steady_s, timezone.now()):
        return []
    return [Blocker("not-verified", f"{deployment.environment} was not well for {steady_s} s on end yet.")]


def verification_of(environment):
    """The environment's verification settings, or the defaults."""
    known = type(environment)._meta.get_field("verification").related_model
    return getattr(environment, "verification", None) or known(environment=environment)


def no_way_back(deployment) -> list[Blocker]:
    """Only the newest deployment of an environment is undone, to a candidate that was verified there before it."""
    environment = deployment.environment
    if deployment.is_rollback:
        return [Blocker("is-rollback", "A rollback is not rolled back. Deploy the candidate again instead.")]
    found = [b for b in blocked(deployment) if b.code in STOPS_EVEN_A_WAY_BACK] + environment_taken(deployment)
    if deployment.started_at is None:
        found.append(Blocker("never-started", "It never started, so there is nothing to undo."))
    elif environment.deployments.filter(kind=DeploymentKind.DEPLOY, started_at__gt=deployment.started_at).exists():
        found.append(Blocker("not-newest", f"A later deployment entered {environment} since. Roll that one back."))
    if deployment.way_back is None:
        found.append(Blocker("no-way-back", f"No other candidate was verified in {environment} before this one."))
    return found


def because_way_back(deployment) -> str:
    return f"{deployment.way_back.candidate.version} was verified in {deployment.environment} before."


def production_unproven(release) -> list[Blocker]:
    """For a release: its candidate must be verified in each production environment."""
    verified = {
        d.environment_id
        for d in release.deployments.all()
        if d.state == DeploymentState.SUCCEEDED and d.candidate_id == release.candidate_id and not d.is_rollback
    }
    production = [e for e in release.product.environments.all() if e.is_production]
    if not production:
        return [Blocker("no-production", f"{release.product} has no production environment.")]
    return [
        Blocker(f"not-verified-in:{e.slug}", f"The candidate is not verified in {e} yet.", _tab(release), "Deployments")
        for e in production
        if e.pk not in verified
    ]


def rollback_unfinished(release) -> list[Blocker]:
    """For a release: a production deployment of it was rolled back, and none of it is left there."""
    there = [d for d in release.deployments.all() if d.environment.is_production and not d.is_rollback]
    if not any(d.state == DeploymentState.ROLLED_BACK for d in there):
        return [
            Blocker("not-rolled-back", "No production deployment of it was rolled back.", _tab(release), "Deployments")
        ]
    return [
        Blocker(f"left-in:{d.environment.slug}", f"{d.environment} still has it ({d.get_state_display().lower()}).")
        for d in there
        if d.is_live or d.state == DeploymentState.SUCCEEDED
    ]


def _tab(release) -> str:
    return reverse("deployments:tab", args=[release.product.slug, release.version])
