"""The doors of reviews: opened by the end of a release, filled by itself, approved by someone else."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from core.blockers import Refused
from core.machine import MACHINES
from core.models import Event
from reviews import actions, tasks
from reviews.models import Review
from tests.factories.accounts import person
from tests.factories.releases import change, product, release
from tests.factories.reviews import action_item, review

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments():
    return product("Payments API")


@pytest.fixture
def ines(payments):
    return person("ines", roles=["release-manager"], on=payments)


@pytest.fixture
def maya(payments):
    return person("maya", roles=["change-manager"], on=payments)


@pytest.fixture
def shipped(payments, ines):
    return release(payments, "released", manager=ines)


def names() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def test_a_shipped_release_gets_its_review_and_goes_to_review(shipped):
    found = actions.open_review(shipped.pk)
    shipped.refresh_from_db()
    assert shipped.state == "review"
    assert timedelta(days=6, hours=23) < found.due_at - timezone.now() < timedelta(days=7)
    assert names() == ["release.review_opened"]


def test_an_emergency_is_reviewed_within_24_hours(payments, ines):
    found = actions.open_review(release(payments, "released", manager=ines, strategy="emergency").pk)
    assert timedelta(hours=23) < found.due_at - timezone.now() <= timedelta(hours=24)


def test_opening_a_review_twice_opens_one(shipped):
    actions.open_review(shipped.pk)
    assert actions.open_review(shipped.pk) is None
    assert Review.objects.count() == 1
    assert names() == ["release.review_opened"]


def test_a_rollback_during_the_review_sends_it_back(payments, ines):
    rolled_back = release(payments, "rolled_back", manager=ines)
    found = review(rolled_back, "approved", approved_by=ines)
    actions.open_review(rolled_back.pk)
    found.refresh_from_db()
    assert (found.state, found.approved_by) == ("reopened", None)


def test_a_review_collects_what_happened(payments, shipped):
    change(payments, shipped, "done", key="PAY-1", title="Instant refunds")
    opened = actions.open_review(shipped.pk)
    collected = actions.collect(opened.pk)
    assert collected.state == "draft"
    assert collected.facts["changes"] == [
        {"key": "PAY-1", "title": "Instant refunds", "type": "normal", "state": "done"}
    ]
    assert [e["name"] for e in collected.facts["timeline"]] == []
    assert collected.facts["incidents"] == []


def test_nobody_without_the_right_writes_a_review(payments):
    found = review(release(payments, "review"))
    with pytest.raises(PermissionDenied):
        actions.write_review(
            found.pk, actor=person("tom", roles=["tester"], on=payments), outcome="success", summary="x"
        )
    with pytest.raises(Http404):
        actions.write_review(found.pk, actor=person("stranger"), outcome="success", summary="x")
    assert names() == []


def test_an_unwritten_review_is_not_submitted(ines, payments):
    found = review(release(payments, "review", manager=ines), outcome="", summary=" ")
    with pytest.raises(Refused) as refusal:
        actions.submit_review(found.pk, actor=ines)
    assert codes(refusal) == ["review-outcome", "review-summary"]
    assert names() == []


def test_the_release_manager_does_not_approve_the_review(payments):
    both = person("both", roles=["release-manager", "change-manager"], on=payments)
    found = review(release(payments, "review", manager=both), "in_review")
    with pytest.raises(Refused) as refusal:
        actions.approve_review(found.pk, actor=both)
    assert codes(refusal) == ["own-review"]


def test_the_author_does_not_approve_the_review(payments, ines, maya):
    found = review(release(payments, "review", manager=ines), "in_review", author=maya)
    with pytest.raises(Refused) as refusal:
        actions.approve_review(found.pk, actor=maya)
    assert codes(refusal) == ["own-review"]


def test_a_service_account_never_approves_a_review(payments, ines):
    robot = person("robot", is_service=True, roles=["change-manager"], on=payments)
    found = review(release(payments, "review", manager=ines), "in_review")
    with pytest.raises(PermissionDenied, match="never sign"):
        actions.approve_review(found.pk, actor=robot)


def test_a_submitted_review_is_not_edited(payments, ines):
    found = review(release(payments, "review", manager=ines), "in_review")
    with pytest.raises(Refused) as refusal:
        actions.write_review(found.pk, actor=ines, outcome="failure", summary="Changed my mind")
    assert codes(refusal) == ["review-not-open"]


def test_a_release_closes_with_an_approved_review_and_owned_actions(payments, ines, maya):
    ending = release(payments, "review", manager=ines)
    found = review(ending, "in_review", author=ines)
    action_item(found)
    actions.approve_review(found.pk, actor=maya)
    closed = actions.close_release(ending.pk, actor=ines)
    found.refresh_from_db()
    assert (closed.state, found.state) == ("closed", "closed")
    assert names() == ["review.approved", "release.closed", "review.closed"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"owner": None}, ["action-owner"]),
        ({"due_on": None}, ["action-date"]),
        ({"owner": None, "due_on": None}, ["action-owner", "action-date"]),
        ({"owner": None, "mandatory": False}, []),
    ],
)
def test_a_mandatory_action_without_owner_or_date_keeps_the_release_open(payments, ines, fields, expected):
    ending = release(payments, "review", manager=ines)
    action_item(review(ending, "approved"), **fields)
    if not expected:
        assert actions.close_release(ending.pk, actor=ines).state == "closed"
        return
    with pytest.raises(Refused) as refusal:
        actions.close_release(ending.pk, actor=ines)
    assert codes(refusal) == expected
    assert names() == []


def test_a_release_does_not_close_before_its_review_is_approved(payments, ines):
    ending = release(payments, "review", manager=ines)
    review(ending, "in_review")
    with pytest.raises(Refused) as refusal:
        actions.close_release(ending.pk, actor=ines)
    assert codes(refusal) == ["review-not-approved"]


def test_the_owner_moves_their_action_item_but_does_not_verify_it(payments, ines):
    found = review(release(payments, "review", manager=ines))
    item = action_item(found, "accepted", owner=ines)
    actions.take_action_step(item.pk, "start", actor=ines)
    actions.take_action_step(item.pk, "finish", actor=ines)
    with pytest.raises(Refused) as refusal:
        actions.take_action_step(item.pk, "verify", actor=ines)
    assert codes(refusal) == ["own-action"]


def test_a_review_that_is_due_is_reminded_of_once(payments, ines):
    found = review(release(payments, "review", manager=ines), due_at=timezone.now() + timedelta(hours=20))
    tasks.sweep()
    tasks.sweep()
    assert names() == ["review.due"]
    assert found.pk not in actions.due_for_reminder()
    assert not actions.remind(found.pk), "two beats that both saw it due"
    assert names() == ["review.due"]


REVIEW = {
    "scheduled": {"collect"},
    "collecting": {"finish_collecting"},
    "draft": {"submit"},
    "in_review": {"approve", "reopen"},
    "approved": {"reopen", "close"},
    "closed": set(),
    "reopened": {"submit"},
}
ACTION = {
    "proposed": {"accept", "drop"},
    "accepted": {"start", "finish", "drop"},
    "in_progress": {"finish", "drop"},
    "done": {"verify"},
    "verified": set(),
    "dropped": set(),
}
PAIRS = [(m, s, t) for m, table in (("review", REVIEW), ("action", ACTION)) for s in table for t in MACHINES[m].steps]


@pytest.mark.parametrize(("machine", "state", "step"), PAIRS)
def test_every_pair_of_state_and_transition(machine, state, step, ines, payments):
    found = review(release(payments, "review", manager=ines), state if machine == "review" else "draft")
    moving = found if machine == "review" else action_item(found, state)
    allowed = step in (REVIEW if machine == "review" else ACTION)[state]
    if allowed:
        getattr(moving, step)(reason="Because.")
        moving.save()
        assert moving.state in MACHINES[machine].steps[step].targets
        return
    with pytest.raises(Refused) as refusal:
        getattr(moving, step)(reason="Because.")
    assert codes(refusal) == ["state"]
    assert moving.state == state
    assert names() == []
