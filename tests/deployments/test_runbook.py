"""The doors of runbooks: written as a draft, started, done step by step, aborted."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments.actions import runbook as doors
from deployments.actions import runbook_step as acting
from deployments.models import Runbook, RunbookStep
from deployments.states import StepKind
from tests.deployments.conftest import fresh
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(place) -> Runbook:
    return doors.add_runbook(place.release.pk, actor=place.deployer)


def add(book, place, name: str, **fields) -> RunbookStep:
    fields.setdefault("owner", place.deployer)
    return doors.add_step(book.pk, actor=place.deployer, name=name, **fields)


def states(book) -> dict[str, str]:
    return dict(book.steps.values_list("name", "state"))


def refused(door, *args, **kwargs):
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return refusal.value.blockers


# Written


def test_a_step_needs_the_one_before_unless_somebody_says_otherwise(book, place):
    first = add(book, place, "Announce")
    second = add(book, place, "Close the shop")
    third = add(book, place, "Warm the caches", needs=[first.pk])
    fourth = add(book, place, "Look at the weather", needs=[])

    assert [[need.name for need in step.needs.all()] for step in (first, second, third, fourth)] == [
        [],
        ["Announce"],
        ["Announce"],
        [],
    ]


def test_steps_that_would_wait_for_each_other_are_refused_at_the_field(book, place):
    first, second, third = (add(book, place, name) for name in ("Announce", "Close", "Migrate"))

    [blocker] = refused(doors.edit_step, first.pk, actor=place.deployer, needs=[third.pk])

    assert (blocker.code, blocker.field) == ("needs-circle", "needs")
    assert "“Migrate”" in blocker.message
    assert not fresh(first).needs.exists()
    [blocker] = refused(doors.edit_step, second.pk, actor=place.deployer, needs=[second.pk])
    assert blocker.code == "needs-unknown"


def test_a_step_needs_no_step_of_another_runbook(book, place):
    other = add(doors.add_runbook(place.release.pk, actor=place.deployer, name="Dress rehearsal"), place, "Elsewhere")

    [blocker] = refused(add, book, place, "Here", needs=[other.pk])

    assert blocker.field == "needs"


def test_who_takes_a_step_out_leaves_the_order_of_the_others(book, place):
    first, second, third = (add(book, place, name) for name in ("Announce", "Close", "Migrate"))

    doors.remove_step(second.pk, actor=place.deployer)

    assert [need.pk for need in fresh(third).needs.all()] == [first.pk]


def test_a_step_is_shown_where_it_was_moved(book, place):
    first, second = add(book, place, "Announce"), add(book, place, "Close")

    doors.move_step(second.pk, actor=place.deployer, up=True)
    doors.move_step(second.pk, actor=place.deployer, up=True)

    assert [step.pk for step in book.steps.all()] == [second.pk, first.pk]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "deployment", "environment": None}, "environment"),
        ({"kind": "deployment", "environment": "other"}, "environment"),
        ({"owner": "stranger"}, "owner"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_at_its_field(book, place, fields, field):
    if fields.get("environment") == "other":
        fields["environment"] = releases.pipeline(releases.product())[0]
    if fields.get("owner"):
        fields["owner"] = accounts.person()

    [blocker] = refused(doors.add_step, book.pk, actor=place.deployer, **({"name": "Deploy"} | fields))

    assert blocker.field == field
    assert not book.steps.exists()


def test_only_those_who_may_deploy_write_a_runbook(book, place):
    step = add(book, place, "Announce")
    tries = [
        (doors.add_runbook, place.release.pk, {"name": "Mine"}),
        (doors.copy_runbook, book.pk, {"release_id": place.release.pk}),
        (doors.edit_runbook, book.pk, {"name": "Mine"}),
        (doors.remove_runbook, book.pk, {}),
        (doors.add_step, book.pk, {"name": "Mine"}),
        (doors.edit_step, step.pk, {"name": "Mine"}),
        (doors.move_step, step.pk, {"up": True}),
        (doors.remove_step, step.pk, {}),
        (doors.start_runbook, book.pk, {}),
        (doors.abort_runbook, book.pk, {"reason": "No."}),
    ]
    before = Event.objects.count()
    for door, pk, fields in tries:
        with pytest.raises(PermissionDenied):
            door(pk, actor=place.stakeholder, **fields)
        with pytest.raises(Http404):
            door(pk, actor=accounts.person(), **fields)
    assert Event.objects.count() == before


def test_a_copy_has_the_same_steps_and_nothing_done(book, place):
    gone = accounts.person("gail", roles=["deployer"], on=place.product)
    add(book, place, "Announce", owner=gone)
    add(book, place, "Deploy", kind=StepKind.DEPLOYMENT, environment=place.staging)
    start(book, place)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    later = releases.release(place.product, state="testing", version="4.9.0")

    made = doors.copy_runbook(book.pk, later.pk, actor=place.deployer)

    assert made.state == "draft"
    assert [(s.name, s.state, s.owner, [n.name for n in s.needs.all()]) for s in made.steps.all()] == [
        ("Announce", "waiting", None, []),
        ("Deploy", "waiting", place.deployer, ["Announce"]),
    ]


def test_a_runbook_of_another_product_is_not_copied(book, place):
    other = releases.release(state="testing")
    accounts.hold(place.deployer, "deployer", other.product)

    assert refused(doors.copy_runbook, book.pk, other.pk, actor=place.deployer)[0].code == "other-product"


def test_a_name_is_taken_once_in_a_release(book, place):
    [blocker] = refused(doors.add_runbook, place.release.pk, actor=place.deployer, name="cut-OVER")
    assert (blocker.code, blocker.field) == ("runbook-name-taken", "name")


# Started


def start(book, place) -> Runbook:
    return doors.start_runbook(book.pk, actor=place.deployer)


def test_a_runbook_starts_with_steps_that_somebody_does(book, place):
    assert [b.code for b in refused(start, book, place)] == ["no-step"]

    step = add(book, place, "Announce", owner=None)
    assert [b.code for b in refused(start, book, place)] == [f"no-owner:{step.pk}"]

    releases.put_in_state(place.release, "closed")
    assert [b.code for b in refused(start, book, place)] == ["release-over"]


def test_the_first_steps_are_handed_over_at_the_start_and_the_rest_waits(book, place):
    add(book, place, "Announce")
    add(book, place, "Close the shop")
    add(book, place, "Warm the caches", needs=[])

    start(book, place)

    assert states(book) == {"Announce": "ready", "Close the shop": "waiting", "Warm the caches": "ready"}
    told = Event.objects.filter(name="step.ready")
    assert {event.payload["step"] for event in told} == {"Announce", "Warm the caches"}


def test_what_has_started_is_not_edited(book, place):
    step = add(book, place, "Announce")
    start(book, place)

    for door, pk, fields in [
        (doors.add_step, book.pk, {"name": "Late idea"}),
        (doors.edit_step, step.pk, {"name": "Other"}),
        (doors.remove_step, step.pk, {}),
        (doors.move_step, step.pk, {"up": True}),
        (doors.remove_runbook, book.pk, {}),
    ]:
        assert refused(door, pk, actor=place.deployer, **fields)[0].code == "runbook-started"


def test_a_step_is_handed_over_once_all_it_needs_is_over(book, place):
    first = add(book, place, "Announce")
    second = add(book, place, "Warm the caches", needs=[])
    third = add(book, place, "Open the shop", needs=[first.pk, second.pk])
    start(book, place)

    acting.finish_step(first.pk, actor=place.deployer)
    assert fresh(third).state == "waiting"
    acting.skip_step(second.pk, actor=place.deployer, reason="They are warm.")

    assert fresh(third).state == "ready"
    assert fresh(book).state == "running"


def test_the_last_step_finishes_the_runbook(book, place):
    step = add(book, place, "Announce")
    start(book, place)
    acting.begin_step(step.pk, actor=place.deployer)

    acting.finish_step(step.pk, actor=place.deployer, note="Told in the channel.")

    assert fresh(book).state == "finished"
    step = fresh(step)
    assert (step.state, step.done_by, step.note) == ("done", place.deployer, "Told in the channel.")


def test_a_failed_step_holds_what_waits_for_it_and_may_be_begun_again(book, place):
    first, second = add(book, place, "Migrate"), add(book, place, "Open")
    start(book, place)
    acting.begin_step(first.pk, actor=place.deployer)

    acting.fail_step(first.pk, actor=place.deployer, reason="The lock was taken.")
    assert (fresh(first).note, fresh(second).state, fresh(book).state) == ("The lock was taken.", "waiting", "running")

    acting.begin_step(first.pk, actor=place.deployer)
    acting.finish_step(first.pk, actor=place.deployer)
    assert fresh(second).state == "ready"


def test_skipping_and_failing_ask_why(book, place):
    step = add(book, place, "Announce")
    start(book, place)

    assert refused(acting.skip_step, step.pk, actor=place.deployer, reason=" ")[0].code == "reason"
    assert refused(acting.fail_step, step.pk, actor=place.deployer, reason="")[0].code == "reason"


def test_a_step_is_done_by_its_owner_its_team_and_those_who_may_deploy(book, place):
    owner, member = (accounts.person(roles=["stakeholder"], on=place.product) for _ in range(2))
    team = accounts.team("Night shift", members=[member])
    mine, ours = (
        add(book, place, "Mine", owner=owner, needs=[]),
        add(book, place, "Ours", owner=None, team=team, needs=[]),
    )
    start(book, place)

    for step, stranger in ((mine, member), (ours, owner), (mine, place.stakeholder)):
        for door, fields in (
            (acting.begin_step, {}),
            (acting.finish_step, {}),
            (acting.fail_step, {"reason": "No."}),
            (acting.take_over, {}),
        ):
            with pytest.raises(PermissionDenied):
                door(step.pk, actor=stranger, **fields)
    with pytest.raises(Http404):
        acting.begin_step(mine.pk, actor=accounts.person())
    with pytest.raises(PermissionDenied):
        acting.skip_step(mine.pk, actor=owner, reason="I may not.")

    acting.finish_step(mine.pk, actor=owner)
    acting.begin_step(ours.pk, actor=member)
    acting.finish_step(ours.pk, actor=place.deployer)
    assert fresh(book).state == "finished"


def test_who_takes_a_step_over_owns_it(book, place):
    step = add(book, place, "Mine", owner=accounts.person("olga", roles=["stakeholder"], on=place.product))
    start(book, place)

    acting.take_over(step.pk, actor=place.deployer)

    assert fresh(step).owner == place.deployer
    assert Event.objects.get(name="step.taken_over").payload["was"] == "Olga"
    acting.finish_step(step.pk, actor=place.deployer)


def test_an_aborted_runbook_stands_still(book, place):
    step = add(book, place, "Announce")
    start(book, place)

    doors.abort_runbook(book.pk, actor=place.deployer, reason="The vendor is down.")

    assert fresh(book).reason == "The vendor is down."
    assert refused(acting.finish_step, step.pk, actor=place.deployer)[0].code == "runbook-not-running"
    assert acting.deploy_ready(step.pk) is False
    assert fresh(step).state == "ready"


# Late


def later(step, minutes: float):
    """As if the step had been handed over, and begun, so many minutes before."""
    at = timezone.now() - timedelta(minutes=minutes)
    begun = {"started_at": at} if step.started_at else {}
    RunbookStep.objects.filter(pk=step.pk).update(ready_at=at, **begun)


@pytest.mark.parametrize("begun", [True, False])
def test_a_late_step_is_told_of_once(book, place, begun):
    step = add(book, place, "Migrate", planned_minutes=10)
    start(book, place)
    step = acting.begin_step(step.pk, actor=place.deployer) if begun else fresh(step)
    later(step, 9)
    assert acting.flag_late() == 0

    later(step, 11)

    assert (acting.flag_late(), acting.flag_late()) == (1, 0)
    assert fresh(step).late_at
    assert Event.objects.filter(name="step.late").count() == 1


def test_a_step_that_is_begun_again_after_a_failure_is_told_of_again_when_it_is_late_again(book, place):
    step = add(book, place, "Migrate", planned_minutes=10)
    start(book, place)
    later(acting.begin_step(step.pk, actor=place.deployer), 11)
    acting.flag_late()
    acting.fail_step(step.pk, actor=place.deployer, reason="The disk was full.")

    again = acting.begin_step(step.pk, actor=place.deployer)
    assert (again.late_at, acting.flag_late()) == (None, 0)
    later(again, 11)

    assert (acting.flag_late(), acting.flag_late()) == (1, 0)


def test_what_is_over_waits_or_was_aborted_is_not_late(book, place):
    done, waiting = add(book, place, "Announce"), add(book, place, "Migrate")
    failed = add(book, place, "Restart", needs=[])
    start(book, place)
    acting.finish_step(done.pk, actor=place.deployer)
    acting.fail_step(failed.pk, actor=place.deployer, reason="No.")
    for step in (done, failed):
        later(fresh(step), 100)
    assert acting.flag_late() == 0
    assert fresh(waiting).state == "ready"

    later(fresh(waiting), 100)
    doors.abort_runbook(book.pk, actor=place.deployer, reason="Enough.")
    assert acting.flag_late() == 0
