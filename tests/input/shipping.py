"""The part of the world that ships: pipelines with their rules, deployments in each state that shows other forms, cut-overs."""

from datetime import timedelta

from django.utils import timezone

from deployments.models import Booking, Runbook, RunbookStep, Standstill
from deployments.watching import Ticket
from releases.models import ConflictRule, DeploymentWindow, Phase
from tests.factories import deployments, releases
from tests.factories.releases import put_in_state


def places(w) -> dict:
    """What is said of the environments of a product before anything is shipped to them."""
    staging, production = w.product.environments.in_order()
    phase = Phase.objects.create(product=w.product, name="Before production")
    staging.phase = phase
    staging.save()
    now = timezone.now()
    times = {"starts_at": now - timedelta(hours=2), "ends_at": now + timedelta(hours=6), "created_by": w.master}
    deployments.check(staging, name="It answers")
    return {
        "phase": phase,
        "window": DeploymentWindow.objects.create(environment=staging, name="Office hours", rule="FREQ=DAILY", **times),
        "rule": ConflictRule.objects.create(product=w.product, kind="people", severity="warn"),
        "check": deployments.check(staging, "manual", name="Somebody looked"),
        "verification": deployments.quick(production),
        "hook": deployments.hook(staging),
        "standstill": Standstill.objects.create(candidate=w.release.candidate, reason="It leaks.", begun_by=w.master),
    }


def shipped(w) -> dict:
    """Deployments that wait, that go on, that a person is asked about, and that are over."""
    staging, production = w.product.environments.in_order()
    release = releases.release(w.product, state="deploying", manager=w.master, version="1.7.0")
    paused = deployments.deployment(release, staging, "paused")
    run = deployments.run(paused, w.rows["hook"], "failed", token="token-of-the-run")
    deployments.log(run, "One line.")
    now = timezone.now()
    held = {"held_at": now, "held_by": w.master, "held_reason": "The database is slow.", "queued_at": now}
    scheduled = deployments.deployment(release, staging, "scheduled", scheduled_for=now + timedelta(days=1))
    deployments.check(production, "manual", name="A payment was made")
    verifying = deployments.deployment(release, production, "verifying", verifying_since=now)
    deployments.sample(verifying)
    return {
        "deployment": paused,
        "run": run,
        "deployment planned": deployments.deployment(release, production),
        "deployment held": deployments.deployment(release, staging, "queued", **held),
        "deployment scheduled": scheduled,
        "deployment verifying": verifying,
        "rollback": _gone_back(w, release, production),
        "booking": Booking.objects.create(
            deployment=scheduled,
            environment=staging,
            starts_at=scheduled.scheduled_for,
            ends_at=scheduled.scheduled_for + timedelta(minutes=30),
        ),
        "sighting": deployments.sighting(staging),
    }


def _gone_back(w, release, production):
    """A rollback of production that nobody but who began it has looked at."""
    now = timezone.now()
    undone = deployments.deployment(release, production, "rolled_back", started_by=w.stranger, ended_at=now)
    about = {"kind": "rollback", "rolls_back": undone, "started_by": w.stranger}
    return deployments.deployment(release, production, "succeeded", **about)


def cut_overs(w) -> dict:
    """A runbook that is written, one that runs with a step in each state that shows other buttons, and one that is over."""
    draft, running, over = (
        Runbook.objects.create(release=w.release, name=name, created_by=w.master)
        for name in ("Cut-over", "Second try", "First try")
    )
    now, made = timezone.now(), {}
    for book, fields in ((running, {}), (over, {"ended_at": now, "reason": "It was too late."})):
        Runbook.objects.filter(pk=book.pk).update(started_at=now, started_by=w.master, **fields)
    put_in_state(over, "aborted")
    for position, state in enumerate(("ready", "running", "failed", "waiting"), start=1):
        row = RunbookStep.objects.create(
            runbook=running,
            position=position,
            name=f"Step {state}",
            owner=w.stranger if state == "ready" else w.master,
            ready_at=None if state == "waiting" else now,
            started_at=now if state in ("running", "failed") else None,
        )
        made[f"step {state}"] = put_in_state(row, state)
    put_in_state(running, "running")
    first, second = (
        RunbookStep.objects.create(runbook=draft, position=position, name=name, owner=w.master)
        for position, name in enumerate(("Announce", "Close"), start=1)
    )
    second.needs.add(first)
    return {"runbook": draft, "runbook running": running, "runbook over": over, "step": second} | made


def tickets(w) -> tuple[str, str]:
    """What a watcher's browser asks with: nothing that counts, and a ticket for the deployment of the world."""
    return "no-ticket", Ticket(w.rows["deployment"].pk, "UTC").sealed()
