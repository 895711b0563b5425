"""A rollback asks nobody before; somebody else agrees to it afterwards, and the release is not closed before that."""

import pytest
from django.core.exceptions import PermissionDenied

from approvals.models import ApprovalRequest
from core.blockers import Refused
from core.models import Event
from deployments import guards
from deployments.actions import deployment as doors
from deployments.actions.confirmation import confirm_rollback
from deployments.models import Deployment, Verification
from releases.models import Environment, Product, Release
from tests.deployments.conftest import fresh, turn
from tests.deployments.test_rehearsal import codes
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
WORDS = "4.7.0 serves again, the error rate is back at 0.1%."


@pytest.fixture
def cora(place):
    return accounts.person("cora", roles=["change-manager"], on=place.product)


@pytest.fixture
def shipped(place, tool) -> Deployment:
    """4.8.0 in production, where 4.7.0 ran before."""
    shipping.verified(place.production, "4.7.0")
    made = place.approved().into_production()
    turn()
    return fresh(made)


@pytest.fixture
def rollback(shipped, place) -> Deployment:
    made = doors.roll_back(shipped.pk, actor=place.deployer, reason="Errors.")
    turn()
    return fresh(made)


def owed(release) -> list[str]:
    return [b.code for b in guards.rollbacks_unconfirmed(fresh(release))]


def test_a_rollback_of_production_waits_for_a_change_manager(rollback, place, cora):
    assert owed(place.release) == [f"rollback-unconfirmed:{rollback.pk}"]

    confirm_rollback(rollback.pk, actor=cora, comment=WORDS)

    rollback = fresh(rollback)
    assert (rollback.confirmed_by, rollback.confirmation) == (cora, WORDS)
    assert owed(place.release) == []
    event = Event.objects.get(name="deployment.confirmed")
    assert (event.actor, event.payload["comment"]) == (cora, WORDS)


def test_the_release_asks_for_it_before_it_closes():
    assert "rollbacks_confirmed" in Release.machine.steps["close"].gates


def test_who_started_a_rollback_does_not_confirm_it(rollback, place):
    accounts.hold(place.deployer, "change-manager", place.product)

    with pytest.raises(PermissionDenied, match="Somebody else confirms it"):
        confirm_rollback(rollback.pk, actor=place.deployer, comment=WORDS)

    assert fresh(rollback).confirmed_at is None
    assert not Event.objects.filter(name="deployment.confirmed").exists()


def test_who_holds_no_right_or_is_no_person_does_not_confirm(rollback, place):
    robot = accounts.person("robot", roles=["change-manager"], on=place.product, is_service=True)
    for somebody in (place.stakeholder, robot):
        with pytest.raises(PermissionDenied):
            confirm_rollback(rollback.pk, actor=somebody, comment=WORDS)
    assert fresh(rollback).confirmed_at is None


def test_a_confirmation_says_what_was_looked_at_and_comes_once(rollback, cora):
    with pytest.raises(Refused) as refusal:
        confirm_rollback(rollback.pk, actor=cora, comment="  ")
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("comment-missing", "comment")]

    confirm_rollback(rollback.pk, actor=cora, comment=WORDS)
    with pytest.raises(Refused) as refusal:
        confirm_rollback(rollback.pk, actor=cora, comment="Again.")
    assert codes(refusal) == ["nothing-to-confirm"]
    assert fresh(rollback).confirmation == WORDS


def test_a_rollback_that_began_by_itself_owes_it_too_and_not_by_who_deployed(place, tool, cora):
    shipping.verified(place.production, "4.7.0")
    Environment.objects.filter(pk=place.production.pk).update(url="http://127.0.0.1:9")
    Verification.objects.update(timeout_s=0)
    releases.rollback_plan(place.release, automatic=True)
    accounts.hold(place.deployer, "change-manager", place.product)
    made = place.approved().into_production()
    turn()
    Verification.objects.update(steady_s=0)
    rollback = made.rollbacks.get()
    assert rollback.started_by.is_service
    assert owed(place.release) == [f"rollback-unconfirmed:{rollback.pk}"]

    with pytest.raises(PermissionDenied):
        confirm_rollback(rollback.pk, actor=place.deployer, comment=WORDS)
    confirm_rollback(rollback.pk, actor=cora, comment=WORDS)

    assert owed(place.release) == []


def test_one_that_still_runs_is_not_confirmed_yet(shipped, place, cora):
    made = doors.roll_back(shipped.pk, actor=place.deployer, reason="Errors.")

    with pytest.raises(Refused) as refusal:
        confirm_rollback(made.pk, actor=cora, comment=WORDS)

    assert codes(refusal) == ["nothing-to-confirm"]


@pytest.mark.parametrize("what", ["rehearsal", "staging", "deployment"])
def test_rehearsals_and_what_is_not_production_owe_nothing(place, cora, what):
    there = place.staging if what == "staging" else place.production
    first = shipping.deployment(place.release, there, "succeeded")
    row = first
    if what != "deployment":
        row = shipping.deployment(
            place.release, there, "succeeded", kind="rollback", rolls_back=first, is_rehearsal=what == "rehearsal"
        )

    with pytest.raises(Refused):
        confirm_rollback(row.pk, actor=cora, comment=WORDS)
    assert owed(place.release) == []


# What a rollback asks before


def test_a_rollback_asks_neither_approval_nor_window_nor_freeze(shipped, place):
    past = shipped.started_at.replace(year=2020)
    Release.objects.filter(pk=place.release.pk).update(
        window_starts_at=past, window_ends_at=past.replace(month=12, day=31)
    )
    releases.freeze()
    ApprovalRequest.objects.update(state="superseded")

    made = doors.roll_back(shipped.pk, actor=place.deployer, reason="Errors.")
    turn()

    assert fresh(made).state == "succeeded"


@pytest.mark.parametrize("stop", ["product", "environment"])
def test_a_rollback_never_passes_a_stop(shipped, place, stop):
    rows = Product.objects if stop == "product" else Environment.objects.filter(pk=place.production.pk)
    rows.update(blocked_reason="Someone is in the machine room.")

    with pytest.raises(Refused) as refusal:
        doors.roll_back(shipped.pk, actor=place.deployer, reason="Errors.")

    assert codes(refusal) == [f"{stop}-blocked"]
    assert fresh(shipped).state == "succeeded"
    assert not shipped.rollbacks.exists()


def test_a_stop_of_the_release_does_not_keep_the_last_good_version_away(shipped, place):
    Release.objects.filter(pk=place.release.pk).update(blocked_reason="A security hole.")

    assert doors.roll_back(shipped.pk, actor=place.deployer, reason="The hole.").state == "running"


def test_a_candidate_that_stands_still_may_still_be_taken_back(shipped, place):
    place.release.candidate.standstills.create(reason="It leaks.", begun_by=place.deployer)

    assert doors.roll_back(shipped.pk, actor=place.deployer, reason="It leaks.").state == "running"
