"""Waiting for an environment: first come, first served; who overtakes, who is held back, and that two never hold it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments import queue
from deployments.actions import deployment as doors
from deployments.actions import waiting
from deployments.actions.queue import hold_deployment, join_queue, let_go, queue_deployment
from deployments.models import Deployment
from deployments.states import HOLDS_ENVIRONMENT
from tests.deployments.conftest import fresh, turn
from tests.factories import deployments as shipping
from tests.factories import releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(place, tool) -> Deployment:
    """Staging is taken."""
    return shipping.deployment(
        releases.release(place.product, state="testing", version="4.7.9"), place.staging, "running"
    )


def another(place, version: str, **fields):
    return releases.release(place.product, state="testing", version=version, **fields)


def queued(place, release) -> Deployment:
    return queue_deployment(release.pk, place.staging.pk, actor=place.deployer)


def codes(door, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return [b.code for b in refusal.value.blockers]


def free(holder) -> None:
    releases.put_in_state(holder, "failed")
    Deployment.objects.filter(state="queued").update(due_at=timezone.now())


def test_what_is_queued_starts_by_itself_once_the_environment_is_free(place, holder):
    row = queued(place, place.release)
    turn()
    assert (fresh(row).state, fresh(row).created_by) == ("queued", place.deployer)

    free(holder)
    turn()

    assert fresh(row).state == "succeeded"


def test_an_environment_that_is_free_is_entered_at_once(place, tool):
    row = queued(place, place.release)
    turn(1)

    assert fresh(row).state in HOLDS_ENVIRONMENT


def test_nobody_overtakes_and_the_blocker_says_who_is_before_and_what_place_it_is(place, holder):
    first = queued(place, another(place, "4.8.1"))
    second = queued(place, another(place, "4.8.2"))
    last = queued(place, another(place, "4.8.3"))
    releases.put_in_state(holder, "failed")

    with pytest.raises(Refused) as refusal:
        doors.start_deployment(second.pk, actor=place.deployer)
    blocker = refusal.value.blockers[0]

    assert (blocker.code, blocker.fix) == ("queue-before", "See the queue")
    assert f"It is 2nd of 3 in the queue for Staging, after #{first.pk} (4.8.1-rc.1)." in blocker.message
    assert "Only rollbacks and emergency releases overtake." in blocker.message
    assert [str(queue.place(row)) for row in (first, second, last)] == ["1st of 3", "2nd of 3", "3rd of 3"]
    assert doors.start_deployment(first.pk, actor=place.deployer).state == "running"


def test_who_comes_by_hand_waits_behind_the_queue_too(place, holder):
    first = queued(place, another(place, "4.8.1"))
    releases.put_in_state(holder, "failed")

    with pytest.raises(Refused) as refusal:
        place.into_staging()

    assert f"#{first.pk} (4.8.1-rc.1) waits for Staging already; in the queue this would be 2nd of 2." in str(
        refusal.value
    )


def test_they_go_in_the_order_in_which_they_came_whatever_order_the_engine_looks_in(place, holder):
    rows = [queued(place, another(place, f"4.8.{n}")) for n in range(1, 4)]
    free(holder)
    entered = []
    for _ in range(60):
        for row in reversed(rows):
            if fresh(row).state == "queued":
                Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())
                doors.advance(row.pk)
                if fresh(row).state in HOLDS_ENVIRONMENT:
                    entered.append(row.pk)
        turn()

    assert entered == [row.pk for row in rows]
    assert {fresh(row).state for row in rows} == {"succeeded"}


def test_an_emergency_goes_before_all_others_and_says_so(place, holder):
    first = queued(place, another(place, "4.8.1"))
    urgent = queued(place, another(place, "4.8.2", strategy="emergency"))

    assert (str(queue.place(urgent)), str(queue.place(fresh(first)))) == ("1st of 2", "2nd of 2")
    releases.put_in_state(holder, "failed")
    assert doors.start_deployment(urgent.pk, actor=place.deployer).state == "running"


def test_an_emergency_started_by_hand_overtakes_the_queue(place, holder):
    queued(place, another(place, "4.8.1"))
    releases.put_in_state(holder, "failed")

    urgent = another(place, "4.8.2", strategy="emergency")

    assert doors.deploy(urgent.pk, place.staging.pk, actor=place.deployer).state == "running"


def test_a_rollback_waits_for_no_queue(place, tool):
    shipping.verified(place.staging, "4.7.0")
    row = place.verified_in_staging()
    shipping.deployment(another(place, "4.8.1"), place.staging, "queued", queued_at=timezone.now())

    assert doors.roll_back(row.pk, actor=place.deployer, reason="It is slow.").state == "running"


def test_only_the_environment_may_stand_in_the_way_of_what_queues(place, holder):
    releases.put_in_state(place.release, "planned")

    assert codes(queue_deployment, place.release.pk, place.staging.pk, actor=place.deployer) == ["release-state"]
    assert Deployment.objects.count() == 1


def test_only_a_deployer_queues_holds_and_lets_go(place, holder):
    row = queued(place, place.release)

    for door, args in (
        (queue_deployment, (place.release.pk, place.staging.pk)),
        (join_queue, (row.pk,)),
        (let_go, (row.pk,)),
    ):
        with pytest.raises(PermissionDenied):
            door(*args, actor=place.stakeholder)
    with pytest.raises(PermissionDenied):
        hold_deployment(row.pk, actor=place.stakeholder, reason="I want to.")


def test_a_planned_deployment_joins_and_one_that_waits_for_its_time_does_not(place, holder):
    planned = shipping.deployment(place.release, place.staging)
    soon = timezone.now() + timedelta(hours=1)
    scheduled = shipping.deployment(place.release, place.staging, "scheduled", scheduled_for=soon)

    assert join_queue(planned.pk, actor=place.deployer).state == "queued"
    assert codes(join_queue, scheduled.pk, actor=place.deployer) == ["scheduled"]
    assert codes(join_queue, planned.pk, actor=place.deployer) == ["state"]


def test_what_somebody_else_planned_starts_in_the_name_of_who_queued_it(place, holder):
    row = shipping.deployment(place.release, place.staging)
    join_queue(row.pk, actor=place.deployer)
    free(holder)
    turn()

    assert (fresh(row).state, fresh(row).started_by) == ("succeeded", place.deployer)


def test_leaving_the_queue_lets_the_next_one_move_up(place, holder):
    first = queued(place, another(place, "4.8.1"))
    second = queued(place, another(place, "4.8.2"))

    doors.abort(first.pk, actor=place.deployer, reason="Not today.")

    assert str(queue.place(second)) == "1st of 1"


def test_one_whose_gate_closes_leaves_the_queue_and_joins_at_its_end_again(place, holder):
    first = queued(place, another(place, "4.8.1"))
    second = queued(place, another(place, "4.8.2"))
    releases.put_in_state(first.release, "planned")
    Deployment.objects.filter(pk=first.pk).update(due_at=timezone.now())
    turn(1)
    assert (fresh(first).state, fresh(first).queued_at) == ("awaiting_approval", None)

    releases.put_in_state(first.release, "testing")
    join_queue(first.pk, actor=place.deployer)

    assert (str(queue.place(fresh(second))), str(queue.place(fresh(first)))) == ("1st of 2", "2nd of 2")


def test_who_has_waited_a_day_since_it_joined_gives_up_and_not_a_day_since_it_was_planned(place, holder):
    row = shipping.deployment(place.release, place.staging, created_at=timezone.now() - timedelta(days=3))
    join_queue(row.pk, actor=place.deployer)
    turn(1)
    assert fresh(row).state == "queued"

    Deployment.objects.filter(pk=row.pk).update(queued_at=timezone.now() - waiting.PATIENCE, due_at=timezone.now())
    turn(1)
    assert fresh(row).state == "expired"


# Holding back


def test_what_is_held_does_not_start_and_says_who_holds_it_and_why(place, tool):
    row = shipping.deployment(place.release, place.staging)
    hold_deployment(row.pk, actor=place.deployer, reason="Wait for the database.")

    with pytest.raises(Refused) as refusal:
        doors.start_deployment(row.pk, actor=place.deployer)
    blocker = refusal.value.blockers[0]
    assert (blocker.code, blocker.fix, blocker.url) == ("held", "Let it go", row.get_absolute_url())
    assert "Wait for the database." in blocker.message

    let_go(row.pk, actor=place.deployer)
    assert doors.start_deployment(row.pk, actor=place.deployer).state == "running"


def test_one_that_is_held_keeps_its_place_and_lets_the_others_pass(place, holder):
    first = queued(place, another(place, "4.8.1"))
    second = queued(place, another(place, "4.8.2"))
    hold_deployment(first.pk, actor=place.deployer, reason="Wait for the database.")
    assert str(queue.place(fresh(second))) == "1st of 1"

    let_go(first.pk, actor=place.deployer)

    assert (str(queue.place(fresh(first))), str(queue.place(fresh(second)))) == ("1st of 2", "2nd of 2")


def test_a_held_one_stays_in_the_queue_while_the_engine_looks_and_goes_once_it_is_let_go(place, holder):
    row = queued(place, place.release)
    hold_deployment(row.pk, actor=place.deployer, reason="Wait for the database.")
    free(holder)
    turn()
    assert fresh(row).state == "queued"

    let_go(row.pk, actor=place.deployer)
    turn()

    assert fresh(row).state == "succeeded"


def test_a_scheduled_one_that_was_held_over_its_time_starts_when_it_is_let_go(place, tool):
    late = {"scheduled_for": timezone.now() - timedelta(minutes=5), "due_at": timezone.now()}
    row = shipping.deployment(place.release, place.staging, "scheduled", created_by=place.deployer, **late)
    hold_deployment(row.pk, actor=place.deployer, reason="Wait for the database.")
    turn()
    assert fresh(row).state == "scheduled"

    let_go(row.pk, actor=place.deployer)
    turn()

    assert fresh(row).state == "succeeded"


def test_what_is_held_too_long_expires_like_any_other(place, tool):
    late = {"scheduled_for": timezone.now() - timedelta(minutes=5), "due_at": timezone.now()}
    row = shipping.deployment(place.release, place.staging, "scheduled", created_by=place.deployer, **late)
    hold_deployment(row.pk, actor=place.deployer, reason="Wait for the database.")
    assert fresh(row).due_at == row.created_at + waiting.PATIENCE

    long_ago = timezone.now() - waiting.PATIENCE
    Deployment.objects.filter(pk=row.pk).update(scheduled_for=long_ago, created_at=long_ago, due_at=timezone.now())
    turn()

    assert fresh(row).state == "expired"


def test_holding_asks_for_a_reason_and_for_something_that_waits(place, tool):
    row = shipping.deployment(place.release, place.staging)
    running = shipping.deployment(place.release, place.production, "running")

    assert codes(hold_deployment, row.pk, actor=place.deployer, reason=" ") == ["reason"]
    assert codes(hold_deployment, running.pk, actor=place.deployer, reason="Wait.") == ["not-waiting"]
    assert codes(let_go, row.pk, actor=place.deployer) == ["not-held"]
    hold_deployment(row.pk, actor=place.deployer, reason="Wait.")
    assert codes(hold_deployment, row.pk, actor=place.deployer, reason="Wait.") == ["held-already"]
    assert list(Event.objects.values_list("name", flat=True)) == ["deployment.held"]


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"), (112, "112th")],
)
def test_places_are_told_in_words(number, word):
    assert queue.ordinal(number) == word


# Many at once


@pytest.mark.django_db(transaction=True)
def test_two_never_hold_an_environment_and_the_order_is_kept_under_many_workers(place, tool):
    """Six wait while four workers push the engine in any order, and a watcher counts who holds the environment."""
    holder = shipping.deployment(another(place, "4.7.9"), place.staging, "running")
    rows = [queued(place, another(place, f"4.8.{n}")) for n in range(1, 7)]
    seen, over = [], []

    def watch() -> None:
        while not over:
            seen.append(place.staging.deployments.live().count())
        connection.close()

    def push(seed: int) -> None:
        barrier.wait(timeout=20)
        for step in range(400):
            row = rows[(seed * 7 + step * 5) % len(rows)]
            if fresh(row).state == "queued":
                doors.advance(row.pk)
            if seed == 0:
                turn(1)
            if not place.staging.deployments.filter(state__in=["queued", *HOLDS_ENVIRONMENT]).exists():
                break
        connection.close()

    barrier, watcher = Barrier(4), Thread(target=watch)
    watcher.start()
    free(holder)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(4)))
    over.append(True)
    watcher.join()

    order = [
        int(stream.split(":")[1])
        for stream in Event.objects.filter(name="deployment.started").order_by("pk").values_list("stream", flat=True)
    ]
    assert order == [row.pk for row in rows]
    assert {fresh(row).state for row in rows} == {"succeeded"}
    assert max(seen) == 1
    assert len(seen) > 10


@pytest.mark.django_db(transaction=True)
def test_many_who_queue_at_the_same_moment_each_get_a_place_of_their_own(place, tool):
    shipping.deployment(another(place, "4.7.9"), place.staging, "running")
    waiting_ones = [another(place, f"4.8.{n}") for n in range(1, 9)]
    barrier = Barrier(len(waiting_ones))

    def join(release) -> int:
        try:
            barrier.wait(timeout=20)
            return queued(place, release).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(len(waiting_ones)) as pool:
        made = list(pool.map(join, waiting_ones))

    places = sorted(queue.place(Deployment.objects.get(pk=pk)).number for pk in made)
    assert places == list(range(1, 9))
