"""A cut-over from beginning to end: people and deployments by turns, through the doors, the outbox and the engine."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import outbox
from core.blockers import Refused
from core.models import Event
from deployments.actions import deployment as deploying
from deployments.actions import runbook as doors
from deployments.actions import runbook_step as acting
from deployments.cutover import Cutover
from deployments.drivers import Progress
from deployments.models import Deployment, RunbookStep
from deployments.states import StepKind
from notifications.models import Notification
from releases.models import Environment
from tests.deployments.conftest import fresh, turn
from tests.deployments.test_rehearsal import codes
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


def work() -> None:
    """Workers and beat until nothing is due: reactions, then the engine, then what came of it."""
    for _ in range(5):
        while found := outbox.due():
            for pk in found:
                outbox.deliver(pk)
        turn()


@pytest.fixture
def book(place, tool):
    """Announce → deploy to staging → deploy to production → tell everybody; the caches are warmed beside the deployments."""
    made = doors.add_runbook(place.release.pk, actor=place.deployer)
    add = lambda name, **fields: doors.add_step(made.pk, actor=place.deployer, name=name, **fields)  # noqa: E731
    first = add("Announce", owner=place.stakeholder, planned_minutes=5)
    add("Deploy to staging", kind=StepKind.DEPLOYMENT, environment=place.staging, planned_minutes=10)
    live = add("Deploy to production", kind=StepKind.DEPLOYMENT, environment=place.production, planned_minutes=20)
    warm = add("Warm the caches", owner=place.deployer, needs=[first.pk], planned_minutes=15)
    add("Tell everybody", owner=place.stakeholder, needs=[live.pk, warm.pk], planned_minutes=5)
    return made


def step(book, name: str) -> RunbookStep:
    return book.steps.get(name=name)


def states(book) -> list[str]:
    return list(book.steps.values_list("state", flat=True))


def begun(book, place):
    doors.start_runbook(book.pk, actor=place.deployer)
    work()
    return book


def test_a_cut_over_with_people_and_deployments(book, place):
    place.approved()
    begun(book, place)
    assert states(book) == ["ready", "waiting", "waiting", "waiting", "waiting"]

    acting.begin_step(step(book, "Announce").pk, actor=place.stakeholder)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()

    assert states(book) == ["done", "done", "done", "ready", "waiting"]
    shipped = step(book, "Deploy to production").deployment
    assert (shipped.state, shipped.created_by) == ("succeeded", place.deployer)
    assert fresh(place.release).state in ("released", "review")

    acting.finish_step(step(book, "Warm the caches").pk, actor=place.deployer)
    acting.finish_step(step(book, "Tell everybody").pk, actor=place.stakeholder)
    assert fresh(book).state == "finished"
    told = Event.objects.filter(name__startswith="step.").order_by("pk").values_list("name", "payload__step")
    assert [name for name, what in told if what == "Deploy to production"] == ["step.ready", "step.begun", "step.done"]


def test_a_closed_gate_makes_the_step_of_a_deployment_fail_with_what_is_in_the_way(book, place):
    place.approved()
    Environment.objects.filter(pk=place.production.pk).update(blocked_reason="The disk is full.")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()

    failed = step(book, "Deploy to production")
    assert (failed.state, failed.deployment) == ("failed", None)
    assert "The disk is full." in failed.note
    assert not Deployment.objects.filter(environment=place.production).exists()
    with pytest.raises(Refused) as refusal:
        acting.begin_step(failed.pk, actor=place.deployer)
    assert "environment-blocked" in codes(refusal)
    assert fresh(failed).state == "failed"

    Environment.objects.update(blocked_reason="")
    acting.begin_step(failed.pk, actor=place.deployer)
    work()
    assert fresh(failed).state == "done"


def test_a_failed_deployment_fails_its_step_and_a_second_one_may_mend_it(book, place, tool):
    tool.answers["ship"] = Progress("failed", "", 0, "No image.")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()

    failed = step(book, "Deploy to staging")
    assert failed.state == "failed"
    assert f"#{failed.deployment_id} to Staging failed" in failed.note
    assert step(book, "Deploy to production").state == "waiting"

    tool.answers.clear()
    acting.begin_step(failed.pk, actor=place.deployer)
    work()
    again = fresh(failed)
    assert (again.state, again.deployment_id == failed.deployment_id) == ("done", False)


def test_an_aborted_deployment_fails_its_step(book, place, tool):
    tool.answers["ship"] = Progress("running", "")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    for pk in outbox.due():
        outbox.deliver(pk)
    running = step(book, "Deploy to staging")
    assert running.state == "running"

    deploying.abort(running.deployment_id, actor=place.deployer, reason="Wrong night.")
    for pk in outbox.due():
        outbox.deliver(pk)

    assert fresh(running).state == "failed"
    assert "was aborted. Wrong night." in fresh(running).note


@pytest.fixture
def shipped(book, place):
    """The step into staging is done, the one into production failed at its gates; there is a way back from staging."""
    shipping.verified(place.staging, "4.7.0")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()
    done = step(book, "Deploy to staging")
    assert (done.state, done.note, done.is_undone) == ("done", "", False)
    return done


def test_a_step_whose_deployment_is_rolled_back_says_so_and_stays_done(book, place, shipped):
    others = states(book)
    deploying.roll_back(shipped.deployment_id, actor=place.deployer, reason="It leaks.")
    work()

    again = fresh(shipped)
    assert (again.state, again.is_undone, states(book), fresh(book).state) == ("done", True, others, "running")
    assert again.note == f"Done, and undone since: #{shipped.deployment_id} to Staging was rolled back. It leaks."
    event = Event.objects.get(name="step.undone")
    assert (event.payload["step"], event.payload["deployment"]) == ("Deploy to staging", shipped.deployment_id)
    assert acting.settle_deployment(shipped.deployment_id) is False
    assert Event.objects.filter(name="step.undone").count() == 1


def test_a_rollback_of_a_step_is_told_to_its_owner_the_manager_and_who_started_the_runbook(book, place, shipped):
    manager = accounts.person("ines", roles=["release-manager"], on=place.product)
    type(place.release).objects.filter(pk=place.release.pk).update(manager=manager)
    RunbookStep.objects.filter(pk=shipped.pk).update(owner=place.stakeholder)
    deploying.roll_back(shipped.deployment_id, actor=place.deployer, reason="It leaks.")
    work()

    for user in (manager, place.stakeholder, place.deployer):
        assert f"Undone: “Deploy to staging” of Cut-over of {place.release}" in told(user)
    text = Notification.objects.filter(recipient=manager, title__startswith="Undone").get().body
    assert "It leaks." in text
    assert "The runbook goes on." in text


def test_the_page_of_a_runbook_shows_what_was_undone_at_its_head_and_at_the_step(book, place, shipped, client):
    client.force_login(place.deployer)
    assert "Undone since" not in client.get(book.get_absolute_url()).content.decode()
    deploying.roll_back(shipped.deployment_id, actor=place.deployer, reason="It leaks.")
    work()

    html = client.get(book.get_absolute_url()).content.decode()

    assert html.count("Undone since") == 2
    assert "was rolled back. It leaks." in html


def test_a_rehearsal_undoes_no_step_and_one_that_fails_does(book, place, shipped):
    way = {"kind": "rollback", "rolls_back": shipped.deployment, "is_rehearsal": True}
    shipping.deployment(place.release, place.staging, "succeeded", **way)
    releases.put_in_state(shipped.deployment, "rolled_back")
    assert acting.settle_deployment(shipped.deployment_id) is False
    assert fresh(shipped).note == ""

    releases.put_in_state(shipped.deployment, "rollback_failed")
    assert acting.settle_deployment(shipped.deployment_id) is True
    assert "could not be rolled back" in fresh(shipped).note


def test_nobody_ends_the_step_of_a_deployment_by_hand(book, place, tool):
    tool.answers["ship"] = Progress("running", "")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    for pk in outbox.due():
        outbox.deliver(pk)

    for door, fields in ((acting.finish_step, {}), (acting.fail_step, {"reason": "No."})):
        with pytest.raises(Refused) as refusal:
            door(step(book, "Deploy to staging").pk, actor=place.deployer, **fields)
        assert codes(refusal) == ["step-of-deployment"]


def test_reactions_that_come_twice_change_nothing(book, place):
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()
    done = step(book, "Deploy to staging")
    before = Event.objects.count()

    assert acting.deploy_ready(done.pk) is False
    assert acting.settle_deployment(done.deployment_id) is False

    assert Event.objects.count() == before
    assert Deployment.objects.filter(environment=place.staging).count() == 1


def test_a_step_does_not_deploy_in_the_name_of_somebody_who_may_no_longer(book, place):
    begun(book, place)
    other = accounts.person("olga", roles=["deployer"], on=place.product)
    acting.take_over(step(book, "Announce").pk, actor=other)
    book = fresh(book)
    type(book).objects.filter(pk=book.pk).update(started_by=place.stakeholder)
    acting.finish_step(step(book, "Announce").pk, actor=other)
    work()

    failed = step(book, "Deploy to staging")
    assert (failed.state, failed.note) == ("failed", "Sam may not deploy any more.")
    acting.begin_step(failed.pk, actor=other)
    assert fresh(failed).deployment.created_by == other


def test_an_owner_without_the_right_does_not_start_the_deployment_of_a_step(book, place):
    doors.edit_step(step(book, "Deploy to staging").pk, actor=place.deployer, owner=place.stakeholder)
    releases.put_in_state(place.release, "draft")
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()
    failed = step(book, "Deploy to staging")
    assert failed.state == "failed"

    from django.core.exceptions import PermissionDenied

    with pytest.raises(PermissionDenied):
        acting.begin_step(failed.pk, actor=place.stakeholder)


# Who is told


def told(user) -> list[str]:
    return list(Notification.objects.filter(recipient=user).order_by("pk").values_list("title", flat=True))


def test_who_has_a_step_is_told_when_it_is_their_turn(book, place):
    begun(book, place)

    assert told(place.stakeholder) == [f"Your turn: “Announce” of Cut-over of {place.release}"]


def test_a_team_is_told_together_and_a_deployment_tells_nobody_to_begin_it(book, place):
    night = [accounts.person(roles=["stakeholder"], on=place.product) for _ in range(2)]
    doors.edit_step(
        step(book, "Warm the caches").pk, actor=place.deployer, owner=None, team=accounts.team(members=night)
    )
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()

    assert all(any("Warm the caches" in title for title in told(user)) for user in night)
    assert not Notification.objects.filter(title__startswith="Your turn: “Deploy").exists()


def test_a_late_step_is_told_to_its_owner_and_the_release_manager(book, place):
    manager = accounts.person("ines", roles=["release-manager"], on=place.product)
    type(place.release).objects.filter(pk=place.release.pk).update(manager=manager)
    begun(book, place)
    RunbookStep.objects.update(ready_at=timezone.now() - timedelta(minutes=6))

    assert acting.flag_late() == 1
    work()

    for user in (manager, place.stakeholder):
        assert f"Late: “Announce” of Cut-over of {place.release}" in told(user)


# In time


def test_the_expected_end_moves_with_what_happens(book, place):
    begun(book, place)
    start = fresh(book).started_at
    seen = Cutover(fresh(book), place.deployer)
    assert (seen.planned.ends_at - start).total_seconds() == 40 * 60
    assert [s.name for s in seen.path] == ["Announce", "Deploy to staging", "Deploy to production", "Tell everybody"]
    assert not seen.is_late

    RunbookStep.objects.filter(name="Announce").update(ready_at=start - timedelta(hours=1))
    type(book).objects.filter(pk=book.pk).update(started_at=start - timedelta(minutes=12))
    seen = Cutover(fresh(book), place.deployer)
    assert seen.is_late
    assert round(seen.lateness.total_seconds() / 60) == 12
    [row] = [row for row in seen.rows if row.step.name == "Announce"]
    assert round(row.behind.total_seconds() / 60) == 55


def test_a_step_of_no_return_that_is_done_closes_the_way_back_of_production(book, place):
    shipping.verified(place.production, "4.7.0")
    RunbookStep.objects.filter(name="Warm the caches").update(point_of_no_return=True)
    place.approved()
    begun(book, place)
    acting.finish_step(step(book, "Announce").pk, actor=place.stakeholder)
    work()
    acting.finish_step(step(book, "Warm the caches").pk, actor=place.deployer)

    with pytest.raises(Refused) as refusal:
        deploying.roll_back(step(book, "Deploy to production").deployment_id, actor=place.deployer, reason="Errors.")

    assert codes(refusal) == ["point-of-no-return"]
    assert "“Warm the caches”" in refusal.value.blockers[0].message
