"""The inbox: list and sheet."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest, Question, RequestRule
from releases.models import Change
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


# Many


@pytest.fixture
def crowd(db):
    """`crowd(n)`: n requests about low-risk changes of one product, due one minute after the other."""
    product = releases.product("Busy", slug="busy", key="BUSY")
    author, made = accounts.person(), []

    def more(count: int) -> list[ApprovalRequest]:
        first, now = len(made) + 1, timezone.now()
        changes = Change.objects.bulk_create(
            Change(product=product, key=f"BUSY-{first + n}", title=f"Rotate {first + n}", risk="low", created_by=author)
            for n in range(count)
        )
        Change.objects.filter(pk__in=[c.pk for c in changes]).update(state="authorising")
        asked = ApprovalRequest.objects.bulk_create(
            ApprovalRequest(kind="change", product=product, change=c, row_names=["Low"], requester=author, sheet={},
                            digests={}, digest="", due_at=now + timedelta(days=2, minutes=first + n), allow_bulk=True)
            for n, c in enumerate(changes)
        )  # fmt: skip
        RequestRule.objects.bulk_create(
            RequestRule(request=r, who="role:qa-approver", label="QA approver", opened_at=now) for r in asked
        )
        made.extend(asked)
        return asked

    return more


def links(html: str) -> list[int]:
    """The requests that a list shows, in its order."""
    return [int(pk) for pk in re.findall(r'id="item-(\d+)"', html)]


def test_a_long_inbox_comes_in_pages_of_fifty_by_deadline(approver, text, crowd):
    asked = crowd(60)
    first, second = text(approver, INBOX), text(approver, INBOX + "?page=2")
    assert links(first) == [r.pk for r in asked[:50]]
    assert links(second) == [r.pk for r in asked[50:]]
    assert "60 wait for you" in first
    assert "51 to 60 of 60 items" in second


def test_the_list_is_filtered_and_a_filter_that_hides_everything_says_so(approver, text, crowd):
    [routine] = crowd(1)
    ship = approvals.request(releases.release(state="approving"))
    assert links(text(approver, INBOX + "?kind=change")) == [routine.pk]
    assert links(text(approver, INBOX + "?kind=release&risk=low")) == [ship.pk]
    assert links(text(approver, INBOX + "?product=busy")) == [routine.pk]
    assert links(text(approver, INBOX + "?due=week")) == [routine.pk, ship.pk]
    assert links(text(approver, INBOX + "?kind=nonsense&product=none&page=zzz")) == [routine.pk, ship.pk]
    hidden = text(approver, INBOX + "?risk=high")
    assert "Nothing fits these filters" in hidden
    assert "2 items are hidden by the filter" in hidden


def test_what_is_opened_from_a_filtered_list_keeps_the_filter(approver, text, crowd):
    [routine] = crowd(1)
    html = text(approver, INBOX + "?kind=change&group=risk")
    assert f'href="/inbox/{routine.pk}/?kind=change&amp;group=risk"' in html
    assert 'name="list" value="kind=change&amp;group=risk"' in html


@pytest.mark.parametrize(
    ("group", "heads"),
    [
        ("", ["Decide"]),
        ("product", ["Alpha", "Busy"]),
        ("risk", ["High risk", "Low risk"]),
        ("due", ["Overdue", "Due within a week"]),
    ],
)
def test_the_list_is_grouped_as_asked(approver, text, crowd, group, heads):
    crowd(2)
    other = releases.release(releases.product("Alpha"), "approving")
    releases.risk(other, impact=5, likelihood=5)
    approvals.request(other, due_at=timezone.now() - timedelta(hours=1))
    html = text(approver, INBOX + f"?group={group}")
    assert re.findall(r'class="inbox-group">([^<]+)<', html) == heads


def test_the_list_alone_marks_what_the_page_shows_keeps_what_is_picked_and_brings_the_count(approver, text, crowd):
    first, second = crowd(2)
    headers = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": f"http://testserver/inbox/{second.pk}/?kind=change"}
    html = text(approver, f"/inbox/list/?pick={first.pk}", **headers)
    assert "<html" not in html
    assert re.search(rf'value="{first.pk}"[^>]* checked', html)
    assert not re.search(rf'value="{second.pk}"[^>]* checked', html)
    assert re.search(rf'id="item-{second.pk}"[^>]* aria-current="true"', html)
    assert 'id="nav-count-inbox" hx-swap-oob="true">2' in html
    strange = headers | {"HTTP_HX_CURRENT_URL": "http://testserver/no/such/page/"}
    assert links(text(approver, "/inbox/list/", **strange)) == [first.pk, second.pk]


def test_only_what_may_be_approved_together_can_be_selected(approver, text, crowd):
    [together] = crowd(1)
    alone = approvals.request(releases.release(state="approving"))
    html = text(approver, INBOX)
    assert re.findall(r'name="pick" value="(\d+)"', html) == [str(together.pk)]
    assert f'id="item-{alone.pk}"' in html


def test_no_page_asks_more_for_a_thousand_waiting_requests_than_for_ten(approver, client, crowd):
    client.force_login(approver)

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    paths = [INBOX, "/inbox/list/", "/calendar/", "/"]
    crowd(10)
    [client.get(path) for path in paths]
    few = [cost(path) for path in paths]
    crowd(990)
    assert [cost(path) for path in paths] == few
    assert "99+" in client.get("/calendar/").content.decode()
