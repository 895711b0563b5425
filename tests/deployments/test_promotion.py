"""Phases that are deployed to by themselves: in whose name, when, once, and what still holds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import Grant
from core import outbox
from core.models import Delivery, Event
from deployments import due
from deployments.actions import promotion
from deployments.actions.deployment import DEPLOY, start_deployment
from deployments.actions.progression import allow_progression, prevent_progression
from deployments.models import Booking, Deployment
from releases import actions as release_doors
from releases.models import Release
from tests.deployments.conftest import fresh, turn
from tests.deployments.line import Line, make
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
STATES = ["approving", "ready", "cancelled", "closed", "released", "rolled_back"]


@pytest.fixture
def line(tool) -> Line:
    return make()


def sent(environment) -> list[str]:
    return [d.state for d in environment.deployments.order_by("pk")]


def deliver_all() -> None:
    """What the outbox has for the room, as a worker would."""
    for row in Delivery.objects.filter(consumer__in=["deployments.promote", "deployments.wake"]).order_by("pk"):
        outbox.deliver(row.pk)


def test_a_verification_opens_the_next_phase_and_its_environments_are_deployed_to(line):
    line.automatic(line.eu, line.us)
    row = line.deploy(line.test)
    turn()
    deliver_all()

    made = list(Deployment.objects.exclude(pk=row.pk).order_by("environment__position"))

    assert [d.environment for d in made] == [line.eu, line.us]
    assert {(d.state, d.created_by, d.started_by, d.promoted_from) for d in made} == {
        ("running", line.manager, line.manager, row)
    }
    turn()
    assert [fresh(d).state for d in made] == ["succeeded", "succeeded"]


def test_the_plan_of_a_promotion_is_told_in_the_name_of_who_automated_it(line):
    line.automatic(line.eu)
    row = line.verify(line.test)

    promotion.promote(line.release.pk)

    event = Event.objects.get(name="deployment.planned")
    assert event.actor == line.manager
    assert event.payload["promoted_from"] == row.pk


def test_a_phase_that_is_not_automatic_waits_for_a_person(line):
    line.phase(line.eu)
    line.verify(line.test)

    assert promotion.promote(line.release.pk) == []
    assert sent(line.eu) == []


def test_a_phase_that_is_not_open_is_not_deployed_to(line):
    line.automatic(line.us)
    line.verify(line.test)

    assert promotion.promote(line.release.pk) == []


def test_the_first_phase_is_deployed_to_once_there_is_a_candidate(line):
    line.automatic(line.test)
    artifacts = [{"name": "image", "digest": "sha256:" + "a" * 64}]
    release_doors.add_candidate(
        line.release.pk, actor=line.manager, version="", commit="f" * 40, artifacts=artifacts, build_url=""
    )
    deliver_all()

    row = Deployment.objects.get()
    assert (row.environment, row.state, row.candidate.number) == (line.test, "running", 2)


def test_a_repeat_makes_nothing_twice(line):
    line.automatic(line.eu, line.us)
    line.verify(line.test)

    for _ in range(3):
        promotion.promote(line.release.pk)

    assert (sent(line.eu), sent(line.us)) == (["running"], ["running"])


def test_what_failed_or_was_aborted_by_hand_is_not_sent_again(line):
    line.automatic(line.eu, line.us)
    line.verify(line.test)
    shipping.deployment(line.release, line.eu, "failed")
    shipping.deployment(line.release, line.us, "aborted")

    assert promotion.promote(line.release.pk) == []


def test_the_database_itself_lets_no_candidate_be_promoted_twice_to_one_environment(line):
    row = line.verify(line.test)
    shipping.deployment(line.release, line.eu, "failed", promoted_from=row)

    with pytest.raises(IntegrityError, match="deployment_promoted_once"), transaction.atomic():
        shipping.deployment(line.release, line.eu, "planned", promoted_from=row)


def test_a_newer_candidate_goes_on_its_own(line):
    line.automatic(line.eu)
    line.verify(line.test)
    promotion.promote(line.release.pk)
    releases.candidate(line.release)

    assert promotion.promote(line.release.pk) == []
    line.verify(line.test)
    Deployment.objects.filter(environment=line.eu).update(state="succeeded")
    assert [d.candidate.number for d in promotion.promote(line.release.pk)] == [2]


def test_after_its_soak_the_tick_finds_the_row_and_no_message_waits(line):
    line.phase(line.test, name="First", soak_minutes=60)
    line.automatic(line.eu)
    row = line.verify(line.test, ago_minutes=20)

    assert promotion.promote(line.release.pk) == []
    assert fresh(row).due_at == row.verified_at + timedelta(minutes=60)
    assert due.everything() == []

    Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())
    assert due.everything() == [("promote", row.pk)]
    turn()
    assert sent(line.eu) == []  # the row was early; it is aimed again
    assert fresh(row).due_at == row.verified_at + timedelta(minutes=60)

    early = timezone.now() - timedelta(minutes=60)
    Deployment.objects.filter(pk=row.pk).update(verified_at=early, due_at=timezone.now())
    turn()
    assert sent(line.eu) == ["succeeded"]
    assert fresh(row).due_at is None


def test_an_engine_that_looks_late_at_a_verified_deployment_forgets_no_soak(line):
    from deployments.actions.deployment import advance

    line.phase(line.test, name="First", soak_minutes=60)
    row = line.verify(line.test, ago_minutes=20)
    promotion.promote(line.release.pk)

    advance(row.pk)

    assert fresh(row).due_at is not None


def test_a_row_that_another_worker_has_is_left_to_it(line):
    line.automatic(line.eu)
    row = line.verify(line.test, due_at=timezone.now() + timedelta(seconds=30))

    assert promotion.promote_from(row.pk) == []
    assert sent(line.eu) == []


def test_a_shorter_soak_lets_the_engine_look_at_once(line):
    phase = line.phase(line.test, name="First", soak_minutes=600)
    line.automatic(line.eu)
    line.verify(line.test, ago_minutes=60)
    promotion.promote(line.release.pk)

    release_doors.change_phase(phase.pk, actor=line.manager, soak_minutes=30)
    deliver_all()
    turn()

    assert sent(line.eu) == ["succeeded"]


@pytest.mark.parametrize("asks", [{"needs": "at_least", "at_least": 1}, {"needs": "optional"}])
def test_a_phase_that_asks_for_less_lets_the_next_one_go_at_once(line, asks):
    first = line.phase(line.test, line.eu, name="First")
    line.automatic(line.us)
    line.verify(line.test)
    assert promotion.promote(line.release.pk) == []

    release_doors.change_phase(first.pk, actor=line.manager, **asks)
    deliver_all()

    assert sent(line.us) == ["running"]
    assert sent(line.production) == []


def test_the_removal_of_the_environment_that_was_missing_lets_the_next_phase_go_at_once(line):
    line.phase(line.test, line.eu, name="First")
    line.automatic(line.us)
    line.verify(line.test)

    release_doors.remove_environment(line.eu.pk, actor=accounts.person("adele", roles=["administrator"]))
    deliver_all()

    assert sent(line.us) == ["running"]


def test_another_order_of_the_pipeline_lets_what_is_open_now_go_at_once(line):
    line.automatic(line.us)
    line.verify(line.test)

    order = [line.test.pk, line.us.pk, line.eu.pk, line.production.pk]
    release_doors.order_environments(line.product.pk, order, actor=accounts.person("adele", roles=["administrator"]))
    deliver_all()

    assert sent(line.us) == ["running"]


@pytest.mark.parametrize("name", ["test", "eu"])
def test_a_phase_that_is_open_already_is_deployed_to_once_it_is_made_automatic(line, name):
    environment = getattr(line, name)
    phase = line.phase(environment, name="Early")
    if name == "eu":
        line.verify(line.test)

    release_doors.change_phase(phase.pk, actor=line.manager, is_automatic=True)
    deliver_all()

    assert sent(environment) == ["running"]


def test_a_changed_pipeline_moves_every_release_under_way_and_none_that_is_over(line):
    line.verify(line.test)
    others = {state: releases.release(line.product, state=state, version=f"4.7.{n}") for n, state in enumerate(STATES)}
    for other in others.values():
        at = timezone.now()
        if other.candidate is None:
            releases.candidate(other)
        shipping.deployment(other, line.test, "succeeded", started_at=at, verified_at=at, ended_at=at)
    phase = line.phase(line.eu)

    release_doors.change_phase(phase.pk, actor=line.manager, is_automatic=True)
    deliver_all()

    made = set(Deployment.objects.filter(environment=line.eu).values_list("release", flat=True))
    assert made == {line.release.pk, others["approving"].pk, others["ready"].pk}


@pytest.mark.parametrize("lost", ["release-manager", DEPLOY])
def test_nothing_goes_in_the_name_of_somebody_who_may_not_any_more(line, lost):
    line.automatic(line.eu)
    line.verify(line.test)
    if lost == DEPLOY:
        accounts.person("adele", roles=["administrator"], on=line.product)
        line.eu.phase.automated_by = accounts.person("otto", roles=["deployer"], on=line.product)
        line.eu.phase.save()
    else:
        from accounts.actions import take_role

        administrator = accounts.person("adele", roles=["administrator"])
        take_role(Grant.objects.get(user=line.manager).pk, actor=administrator)

    assert promotion.promote(line.release.pk) == []
    assert not Deployment.objects.filter(environment=line.eu).exists()


def test_a_closed_gate_makes_it_wait_for_a_person_and_not_fail(line):
    line.automatic(line.eu)
    line.verify(line.test)
    type(line.eu).objects.filter(pk=line.eu.pk).update(blocked_reason="The disk is full.")

    made = promotion.promote(line.release.pk)

    assert [d.state for d in made] == ["awaiting_approval"]
    assert "The disk is full." in made[0].detail
    assert Event.objects.get(name="deployment.awaiting").payload["blockers"] == ["environment-blocked"]


def test_a_taken_environment_makes_it_queue_and_it_goes_when_it_is_its_turn(line):
    line.automatic(line.eu)
    line.verify(line.test)
    other = releases.release(line.product, state="testing", version="4.7.9")
    holder = shipping.deployment(other, line.eu, "running")

    made = promotion.promote(line.release.pk)
    assert [d.state for d in made] == ["queued"]

    releases.put_in_state(holder, "failed")
    Deployment.objects.filter(pk=made[0].pk).update(due_at=timezone.now())
    turn()
    assert fresh(made[0]).state == "succeeded"


def test_production_is_promoted_to_only_through_every_gate(line):
    line.automatic(line.production)
    line.verify(line.test, line.eu, line.us)

    made = promotion.promote(line.release.pk)

    assert [d.state for d in made] == ["awaiting_approval"]
    assert "Production" in made[0].detail


def approved(line) -> None:
    approvals.required(line.release.strategy)
    request = approvals.request(line.release, {"qa-approver": 1}, state="approved")
    approvals.vote(request, accounts.person(roles=["qa-approver"], on=line.product))
    releases.put_in_state(line.release, "ready")


def test_production_that_is_approved_goes_by_itself_inside_the_window(line):
    line.automatic(line.production)
    line.verify(line.test, line.eu, line.us)
    approved(line)

    assert [d.state for d in promotion.promote(line.release.pk)] == ["running"]
    assert fresh(line.release).state == "deploying"


def test_production_before_the_window_is_scheduled_for_its_beginning(line):
    line.automatic(line.production)
    line.verify(line.test, line.eu, line.us)
    approved(line)
    opens = timezone.now() + timedelta(hours=3)
    Release.objects.filter(pk=line.release.pk).update(window_starts_at=opens, window_ends_at=opens + timedelta(hours=1))

    made = promotion.promote(line.release.pk)

    assert [(d.state, d.scheduled_for, d.created_by) for d in made] == [("scheduled", opens, line.manager)]


def test_a_candidate_at_a_standstill_is_not_promoted_until_it_may_go_on(line):
    line.automatic(line.eu)
    line.verify(line.test)
    prevent_progression(line.release.candidate_id, actor=line.deployer, reason="Memory grows.")

    assert promotion.promote(line.release.pk) == []

    change_manager = accounts.person("tomasz", roles=["change-manager"], on=line.product)
    allow_progression(line.release.candidate_id, actor=change_manager, reason="It was the probe.")
    deliver_all()
    assert sent(line.eu) == ["running"]


@pytest.mark.parametrize("state", ["cancelled", "closed", "rolled_back", "released"])
def test_a_release_that_is_over_promotes_nothing(line, state):
    line.automatic(line.eu)
    line.verify(line.test)
    releases.put_in_state(line.release, state)

    assert promotion.promote(line.release.pk) == []


def test_a_soak_that_nobody_waits_for_any_more_is_left_alone(line):
    line.phase(line.test, name="First", soak_minutes=60)
    row = line.verify(line.test, ago_minutes=20)
    promotion.promote(line.release.pk)
    assert fresh(row).due_at is not None
    releases.put_in_state(line.release, "released")

    promotion.promote(line.release.pk)

    assert fresh(row).due_at is None


def test_production_whose_window_begins_in_a_booking_is_planned_and_says_why_it_waits(line):
    line.automatic(line.production)
    line.verify(line.test, line.eu, line.us)
    approved(line)
    opens = timezone.now() + timedelta(hours=3)
    Release.objects.filter(pk=line.release.pk).update(window_starts_at=opens, window_ends_at=opens + timedelta(hours=1))
    other = shipping.deployment(line.release, line.production, "scheduled", scheduled_for=opens)
    Deployment.objects.filter(pk=other.pk).update(candidate=releases.candidate(releases.release(line.product)))
    Booking.objects.create(
        environment=line.production, deployment=other, starts_at=opens, ends_at=opens + timedelta(hours=1)
    )

    made = promotion.promote(line.release.pk)

    assert [(d.state, d.scheduled_for) for d in made] == [("awaiting_approval", None)]
    assert "window" in made[0].detail.lower()


def test_what_was_scheduled_by_itself_waits_for_a_person_once_its_owner_may_not_any_more(line):
    line.automatic(line.production)
    line.verify(line.test, line.eu, line.us)
    approved(line)
    opens = timezone.now() + timedelta(hours=3)
    Release.objects.filter(pk=line.release.pk).update(window_starts_at=opens, window_ends_at=opens + timedelta(hours=1))
    [made] = promotion.promote(line.release.pk)
    otto = accounts.person("otto", roles=["deployer"], on=line.product)
    now = timezone.now()
    Release.objects.filter(pk=line.release.pk).update(window_starts_at=now - timedelta(hours=1))
    Deployment.objects.filter(pk=made.pk).update(created_by=otto, scheduled_for=now, due_at=now)

    turn()

    assert fresh(made).state == "awaiting_approval"
    assert fresh(made).detail == "Otto may not let anything be deployed by itself any more."


def test_what_was_promoted_and_is_started_by_hand_asks_no_right_to_automate(line):
    line.automatic(line.eu)
    line.verify(line.test)
    type(line.eu).objects.filter(pk=line.eu.pk).update(blocked_reason="The disk is full.")
    [made] = promotion.promote(line.release.pk)
    type(line.eu).objects.filter(pk=line.eu.pk).update(blocked_reason="")

    assert start_deployment(made.pk, actor=line.deployer).started_by == line.deployer


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_make_one_deployment_for_each_environment(tool):
    line = make()
    line.automatic(line.eu, line.us)
    row = line.verify(line.test)
    Deployment.objects.filter(pk=row.pk).update(due_at=timezone.now())
    barrier = Barrier(8)

    def work(number: int) -> None:
        try:
            barrier.wait(timeout=20)
            promotion.promote_from(row.pk) if number % 2 else promotion.promote(line.release.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert (sent(line.eu), sent(line.us)) == (["running"], ["running"])
    assert Event.objects.filter(name="deployment.started").count() == 2
