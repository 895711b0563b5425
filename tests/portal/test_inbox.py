"""The inbox: list and sheet."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals.models import Question
from reviews.models import Review
from tests.factories import accounts, approvals, deployments, releases

pytestmark = pytest.mark.django_db
INBOX = "/inbox/"


@pytest.fixture
def approver(db):
    return accounts.person("noor", roles=["qa-approver"], last_name="Haddad")


def test_an_empty_inbox_says_what_will_come(approver, text):
    assert "Nothing waits for you" in text(approver, INBOX)


def test_a_vote_waits_until_it_is_given(approver, text):
    asked = approvals.request(releases.release(state="approving"))
    assert reverse("portal:inbox_item", args=[asked.pk]) in text(approver, INBOX)

    approvals.vote(asked, approver, "qa-approver")

    assert "Nothing waits for you" in text(approver, INBOX)


def test_the_sheet_opens_beside_the_list_with_its_decision(approver, text):
    asked = approvals.request(releases.release(state="approving", objective="Refunds in minutes"))

    html = text(approver, reverse("portal:inbox_item", args=[asked.pk]))

    assert "Refunds in minutes" in html
    assert reverse("approvals:approve", args=[asked.pk]) in html
    assert 'data-key="a"' in html
    assert 'aria-current="true"' in html
    assert "data-beside" not in html
    assert html.count("<h1") == 1


def test_the_first_sheet_stands_beside_the_list_where_there_is_room(approver, text):
    asked = approvals.request(releases.release(state="approving", objective="Refunds in minutes"))

    html = text(approver, INBOX)

    assert reverse("approvals:approve", args=[asked.pk]) in html
    assert '<div class="detail" data-beside>' in html
    assert 'class="item is-shown"' in html
    assert html.count("<h1") == 1
    assert "<h1>Inbox</h1>" in html


def test_htmx_gets_the_sheet_alone(approver, text):
    asked = approvals.request(releases.release(state="approving"))

    html = text(
        approver, reverse("portal:inbox_item", args=[asked.pk]), HTTP_HX_REQUEST="true", HTTP_HX_TARGET="detail"
    )

    assert "<html" not in html
    assert reverse("approvals:approve", args=[asked.pk]) in html
    assert 'id="list"' not in html
    assert "<title>" in html


def test_a_sheet_out_of_sight_is_not_found(fetch):
    asked = approvals.request(releases.release(state="approving"))
    stranger = accounts.person(roles=["qa-approver"], on=releases.product())

    assert fetch(stranger, reverse("portal:inbox_item", args=[asked.pk])).status_code == 404
    assert fetch(stranger, reverse("portal:inbox_item", args=[asked.pk + 1])).status_code == 404


def test_a_question_waits_for_whoever_asked_for_the_approval(approver, manager, text):
    asked = approvals.request(releases.release(state="approving"), requester=manager)
    question = Question.objects.create(request=asked, asked_by=approver, text="Who restores the keys at night?")
    assert "Who restores the keys at night?" in text(manager, INBOX)

    question.answer = "The on-call lead"
    question.save()

    assert "Who restores" not in text(manager, INBOX)


def test_a_review_waits_for_someone_other_than_its_author(manager, text):
    release = releases.release(state="review", manager=manager)
    review = Review.objects.create(release=release, due_at=timezone.now(), author=manager)
    releases.put_in_state(review, "in_review")
    judge = accounts.person(roles=["change-manager"])

    assert "Approve the review" in text(judge, INBOX)
    assert "Approve the review" not in text(manager, INBOX)


def test_the_number_in_the_navigation_is_that_of_the_list(approver, text):
    for _ in range(3):
        approvals.request(releases.release(state="approving"))

    html = text(approver, INBOX)

    assert '<span class="count hot" id="nav-count-inbox">3' in html
    assert "3 wait for you" in html


def test_the_inbox_asks_as_much_for_many_items_as_for_one(client):
    reader = accounts.person(roles=["qa-approver", "release-manager", "tester"])
    client.force_login(reader)

    def fill(count: int) -> None:
        for _ in range(count):
            release = releases.release(state="approving")
            releases.change(release.product, release, "approved")
            releases.risk(release)
            asked = approvals.request(release, {"qa-approver": 3})
            approvals.vote(asked, accounts.person(roles=["qa-approver"]))
            own = approvals.request(releases.release(state="approving"), requester=reader)
            Question.objects.create(request=own, asked_by=accounts.person(), text="Why?")
            paused = releases.release(state="deploying")
            deployments.deployment(paused, releases.pipeline(paused.product)[1], "paused")
            done = releases.release(state="review", manager=reader)
            releases.put_in_state(Review.objects.create(release=done, due_at=timezone.now()), "draft")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(INBOX).status_code == 200
        return len(captured)

    fill(1)
    queries()
    few = queries()
    fill(3)

    assert queries() == few
