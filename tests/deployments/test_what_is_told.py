"""Nothing happens to a deployment, a run or a step of a runbook that is not told: by whom, in order, and with the reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Event
from deployments.actions import deployment as doors
from deployments.actions import queue, runbook, runbook_step
from deployments.drivers import OutcomeUnknown, Progress
from deployments.models import Deployment, RunbookStep
from releases.models import Release
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


def told_of(*rows) -> list[tuple[str, str]]:
    """[(event, who)] of these rows, as they happened."""
    streams = [f"{row._meta.model_name}:{row.pk}" for row in rows]
    events = Event.objects.filter(stream__in=streams).select_related("actor").order_by("pk")
    return [(event.name.partition(".")[2], "by itself" if event.actor.is_service else "a person") for event in events]


def by(who: str, *names: str) -> list[tuple[str, str]]:
    return [(name, who) for name in names]


def person(*names: str) -> list[tuple[str, str]]:
    return by("a person", *names)


def itself(*names: str) -> list[tuple[str, str]]:
    return by("by itself", *names)


def reason_of(row, name: str) -> str:
    stream = f"{row._meta.model_name}:{row.pk}"
    return Event.objects.get(stream=stream, name__endswith=f".{name}").payload["reason"]


def test_a_deployment_that_succeeds(place, tool):
    made = place.into_staging()
    turn()
    assert told_of(made) == [*person("planned", "started"), *itself("verifying", "succeeded")]
    [run] = made.runs.all()
    assert told_of(run) == itself("started", "ended")
    ended = Event.objects.get(stream=f"run:{run.pk}", name="run.ended").payload
    assert (ended["step"], ended["seconds"] >= 0) == ("Ship", True)


def test_one_that_fails(place, tool):
    tool.answers["ship"] = Progress("failed", "", 0, "No room left.")
    made = place.into_staging()
    turn()
    assert told_of(made) == [*person("planned", "started"), *itself("failed")]
    assert reason_of(made, "failed") == "Ship failed: No room left."


def test_one_that_is_paused_gone_on_with_and_aborted(place, tool):
    tool.answers["ship"] = Progress("running")
    made = place.into_staging()
    turn(3)
    doors.pause(made.pk, actor=place.deployer, reason="The pager rang.")
    doors.resume(made.pk, actor=place.deployer, reason="False alarm.")
    doors.abort(made.pk, actor=place.deployer, reason="Not today.")
    assert told_of(made) == person("planned", "started", "paused", "resumed", "aborted")
    reasons = [reason_of(made, name) for name in ("paused", "resumed", "aborted")]
    assert reasons == ["The pager rang.", "False alarm.", "Not today."]
    assert told_of(made.runs.get()) == [*itself("started"), *person("ended")]


@pytest.mark.parametrize("how", ["skip", "succeeded"])
def test_one_whose_outcome_nobody_knew(place, tool, how):
    tool.answers["ship"] = OutcomeUnknown("The line broke.")
    made = place.into_staging()
    turn()
    doors.resume(made.pk, actor=place.deployer, reason="I looked.", how=how)
    assert told_of(made) == [*person("planned", "started"), *itself("paused"), *person("resumed")]
    assert told_of(made.runs.get()) == [*itself("started", "ended"), *person("ended")]
    last = Event.objects.filter(name="run.ended").latest("pk").payload
    assert (last["by_hand"], last["detail"]) == (how, "I looked.")


def test_one_that_is_rolled_back(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = place.into_staging()
    turn()
    back = doors.roll_back(made.pk, actor=place.deployer, reason="Errors.")
    turn()
    assert told_of(made)[4:] == [*person("rolling_back"), *itself("rolled_back")]
    assert told_of(back) == [*person("started"), *itself("verifying", "succeeded")]
    assert reason_of(made, "rolling_back") == "Errors."


def test_one_that_cannot_be_rolled_back(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = place.into_staging()
    turn()
    tool.answers["ship"] = Progress("failed", "", 0, "No room left.")
    back = doors.roll_back(made.pk, actor=place.deployer, reason="Errors.")
    turn()
    assert told_of(made)[4:] == [*person("rolling_back"), *itself("rollback_failed")]
    assert told_of(back)[1:] == itself("failed")


def test_a_rollback_that_is_aborted(place, tool):
    shipping.verified(place.staging, "4.7.0")
    made = place.into_staging()
    turn()
    back = doors.roll_back(made.pk, actor=place.deployer, reason="Errors.")
    doors.abort(back.pk, actor=place.deployer, reason="Fix it forward.")
    assert told_of(made)[4:] == person("rolling_back", "rollback_failed")
    assert told_of(back) == person("started", "aborted")
    assert fresh(made).state == "rollback_failed"


def test_one_that_waits_its_turn_is_held_and_let_go(place, tool):
    holder = shipping.deployment(place.release, place.staging, "running")
    made = queue.queue_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    queue.hold_deployment(made.pk, actor=place.deployer, reason="Lunch.")
    queue.let_go(made.pk, actor=place.deployer)
    releases.put_in_state(holder, "failed")
    turn()
    assert told_of(made) == [
        *person("planned", "queued", "held", "let_go", "started"),
        *itself("verifying", "succeeded"),
    ]
    assert reason_of(made, "held") == "Lunch."
    assert Event.objects.get(name="deployment.let_go").payload["was"] == "Lunch."


def test_one_that_comes_to_a_closed_gate_and_then_expires(place, tool, monkeypatch):
    at = timezone.now() + timedelta(hours=1)
    made = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    releases.freeze(tiers=["staging"])
    for later in (at, at + timedelta(days=2)):
        monkeypatch.setattr("django.utils.timezone.now", lambda later=later: later)
        doors.advance(made.pk)
    assert told_of(made) == [*person("planned"), *itself("awaiting", "expired")]
    assert Event.objects.get(name="deployment.awaiting").payload["blockers"] == ["frozen"]
    assert reason_of(made, "expired").startswith("It did not start: a day has passed since its time.")


def test_what_a_newer_candidate_or_a_cancelled_release_ends(place, tool):
    old = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    releases.candidate(place.release)
    new = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    assert doors.supersede(place.release.pk, actor=place.deployer) == 1
    assert (told_of(old)[1:], told_of(new)[1:]) == (person("superseded"), [])
    Release.objects.update(state="cancelled")
    assert doors.supersede(place.release.pk, actor=place.deployer) == 1
    assert told_of(new)[1:] == person("superseded")
    assert {row.state for row in Deployment.objects.all()} == {"superseded"}


def test_a_runbook_and_its_steps(place):
    book = runbook.add_runbook(place.release.pk, actor=place.deployer)
    names = ("Announce", "Migrate", "Look")
    first, second, third = (
        runbook.add_step(book.pk, actor=place.deployer, name=name, owner=place.deployer) for name in names
    )
    other = accounts.person("olga", roles=["deployer"], on=place.product)
    runbook.start_runbook(book.pk, actor=place.deployer)
    runbook_step.take_over(first.pk, actor=other)
    runbook_step.begin_step(first.pk, actor=other)
    RunbookStep.objects.filter(pk=first.pk).update(started_at=timezone.now() - timedelta(days=1))
    assert runbook_step.flag_late() == 1
    runbook_step.finish_step(first.pk, actor=other)
    runbook_step.fail_step(second.pk, actor=place.deployer, reason="The lock timed out.")
    runbook_step.skip_step(second.pk, actor=place.deployer, reason="Done by hand.")
    runbook_step.finish_step(third.pk, actor=place.deployer)
    assert told_of(first) == [*person("ready", "taken_over", "begun"), *itself("late"), *person("done")]
    assert told_of(second) == person("ready", "failed", "skipped")
    assert told_of(third) == person("ready", "done")
    assert told_of(book) == person("added", "step_added", "step_added", "step_added", "started", "finished")
    assert [reason_of(second, name) for name in ("failed", "skipped")] == ["The lock timed out.", "Done by hand."]


def test_a_runbook_that_is_written_and_thrown_away_or_aborted(place):
    book = runbook.add_runbook(place.release.pk, actor=place.deployer)
    step = runbook.add_step(book.pk, actor=place.deployer, name="Announce", owner=place.deployer)
    last = runbook.add_step(book.pk, actor=place.deployer, name="Look", owner=place.deployer)
    runbook.edit_runbook(book.pk, actor=place.deployer, name="Friday")
    runbook.edit_step(step.pk, actor=place.deployer, name="Tell them")
    runbook.move_step(last.pk, actor=place.deployer, up=True)
    runbook.remove_step(last.pk, actor=place.deployer)
    copy = runbook.copy_runbook(book.pk, place.release.pk, actor=place.deployer, name="Copy")
    assert told_of(book) == person(
        "added", "step_added", "step_added", "edited", "step_edited", "step_moved", "step_removed"
    )
    assert told_of(copy) == person("added")
    runbook.start_runbook(copy.pk, actor=place.deployer)
    runbook.abort_runbook(copy.pk, actor=place.deployer, reason="Too late for today.")
    assert told_of(copy)[1:] == person("started", "aborted")
    assert reason_of(copy, "aborted") == "Too late for today."
    number = book.pk
    runbook.remove_runbook(number, actor=place.deployer)
    assert Event.objects.filter(stream=f"runbook:{number}").latest("pk").name == "runbook.removed"
