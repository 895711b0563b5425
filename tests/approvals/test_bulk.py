"""Approving many together: each on its own sheet, by the same door, and only where the policy row allows it."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from rest_framework.test import APIClient

from approvals.models import ApprovalRequest, Vote
from core.models import Event
from releases.models import Change
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db
BULK = "/inbox/bulk/"


@pytest.fixture
def signed_in(client):
    def get(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return get


@pytest.fixture
def product():
    return releases.product()


@pytest.fixture
def asked(product):
    """`asked()`: the request of a low-risk change that may be approved together with others."""

    def make(rules=None, **fields) -> ApprovalRequest:
        change = releases.change(fields.pop("of", product), state="authorising")
        return approvals.request(change, rules or {"qa-approver": 2}, **({"allow_bulk": True} | fields))

    return make


def picks(*requests) -> dict:
    return {"pick": [r.pk for r in requests]}


def ballots(*requests, **digests) -> dict:
    return picks(*requests) | {f"digest-{r.pk}": shown(r) for r in requests} | digests


def text(response) -> str:
    return response.content.decode()


# The page


def test_the_page_shows_each_sheet_in_short_with_its_digest_and_what_the_click_does(signed_in, asked, people):
    first, second = asked(), asked({"qa-approver": 1})
    page = text(signed_in(people.qa).get(BULK, picks(first, second)))
    for request in (first, second):
        assert f'name="digest-{request.pk}" value="{shown(request)}"' in page
        assert escape(request.subject.title) in page
        assert request.subject.impact in page
    assert "1 QA approver is still needed" in page
    assert f"completes the quorum: {second.change.key} is approved" in page
    assert not Vote.objects.exists()


def test_what_the_row_does_not_allow_is_listed_to_be_decided_one_by_one(signed_in, asked, people):
    together, alone = asked(), asked(allow_bulk=False, row="Strict")
    page = text(signed_in(people.qa).get(BULK, picks(together, alone)))
    assert f'name="digest-{alone.pk}"' not in page
    assert "Must be decided one by one" in page
    assert "The policy row Strict wants it decided by itself." in page
    assert reverse("portal:inbox_item", args=[alone.pk]) in page


def test_the_page_says_why_one_cannot_be_approved_by_this_reader(signed_in, asked, people):
    own, voted, closed = asked(requester=people.qa), asked(), asked(state="expired")
    approvals.vote(voted, people.qa)
    page = text(signed_in(people.qa).get(BULK, picks(own, voted, closed)))
    for words in ("You asked for this approval", "You approved it already.", "This request is expired"):
        assert words in page
    assert "digest-" not in page


def test_what_changed_since_my_last_decision_stands_on_the_short_sheet(signed_in, asked, people):
    from approvals.actions import cast_vote, refresh

    request = asked()
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    Change.objects.filter(pk=request.change_id).update(impact="Everybody notices.")
    refresh(request.pk)
    page = text(signed_in(people.qa).get(BULK, picks(request)))
    assert "Changed since you approved" in page
    assert "<del>Nobody notices.</del>" in page
    assert "<ins>Everybody notices.</ins>" in page


def test_one_out_of_sight_is_not_found_and_then_nothing_is_counted(signed_in, asked, people):
    seen, hidden = asked(), asked(of=releases.product())
    reader = person("ned", roles=["qa-approver"], on=seen.product)
    client = signed_in(reader)
    assert client.get(BULK, picks(seen, hidden)).status_code == 404
    assert client.post(BULK, ballots(seen, hidden)).status_code == 404
    assert client.get(BULK, {"pick": ["x"]}).status_code == 404
    assert client.get(BULK, {"pick": [hidden.pk + 10_000]}).status_code == 404
    assert client.get(BULK, {"pick": ["9" * 40]}).status_code == 404
    assert signed_in(people.bot).get(BULK).status_code == 403
    assert not Vote.objects.exists()


def test_the_page_costs_as_many_queries_for_twenty_sheets_as_for_two(signed_in, asked, people):
    requests = [asked() for _ in range(20)]
    client = signed_in(people.qa)
    client.get(BULK, picks(*requests[:2]))

    def cost(*chosen) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(BULK, picks(*chosen)).status_code == 200
        return len(captured)

    assert cost(*requests) == cost(*requests[:2])


# Approving


def test_each_is_approved_by_a_vote_of_its_own_on_the_sheet_that_was_shown(signed_in, asked, people):
    requests = [asked({"qa-approver": 1}), asked()]
    page = text(signed_in(people.qa).post(BULK, ballots(*requests) | {"comment": "All routine."}))
    assert "2 approved" in page
    assert [v.comment for v in Vote.objects.all()] == ["All routine."] * 2
    assert {v.request_id: v.sheet.digest for v in Vote.objects.all()} == {r.pk: shown(r) for r in requests}
    assert list(ApprovalRequest.objects.order_by("pk").values_list("state", flat=True)) == ["approved", "pending"]
    assert Event.objects.filter(name="vote.cast", actor=people.qa).count() == 2
    assert "The quorum is complete." in page
    assert "Others are still needed." in page


def test_one_that_moved_and_one_that_is_refused_keep_no_other_from_being_approved(signed_in, asked, people):
    good, moved, alone, mine = asked(), asked(), asked(allow_bulk=False), asked(requester=people.qa)
    sent = ballots(good, moved, alone, mine)
    Change.objects.filter(pk=moved.change_id).update(title="Something else")
    page = text(signed_in(people.qa).post(BULK, sent))
    assert list(Vote.objects.values_list("request", flat=True)) == [good.pk]
    assert "1 approved, 3 not" in page
    assert "It changed while you were deciding" in page
    assert "wants it decided by itself" in page
    assert "You asked for this approval" in page
    assert f"{BULK}?pick={moved.pk}" in page


def test_what_was_not_marked_is_not_approved(signed_in, asked, people):
    marked, left = asked(), asked()
    signed_in(people.qa).post(BULK, ballots(marked, left) | picks(marked))
    assert list(Vote.objects.values_list("request", flat=True)) == [marked.pk]
    assert "Nothing was marked" in text(signed_in(people.qa).post(BULK, {}))


def test_a_digest_that_is_missing_or_another_ones_counts_as_moved(signed_in, asked, people):
    first, second = asked(), asked()
    sent = ballots(first, second)
    sent[f"digest-{first.pk}"] = shown(second)
    del sent[f"digest-{second.pk}"]
    assert "0 approved, 2 not" in text(signed_in(people.qa).post(BULK, sent))
    assert not Vote.objects.exists()


@pytest.mark.parametrize(("need", "each"), [(2, 24), (1, 35)], ids=["others-are-needed", "quorum-complete"])
def test_each_more_costs_the_same_and_no_rule_or_vote_is_read_twice_for_one(signed_in, asked, people, need, each):
    client = signed_in(people.qa)

    def queries(count: int) -> list[str]:
        sent = ballots(*(asked({"qa-approver": need}) for _ in range(count)))
        with CaptureQueriesContext(connection) as seen:
            assert f"{count} approved" in text(client.post(BULK, sent))
        return [query["sql"] for query in seen.captured_queries]

    queries(1)  # what a process reads once
    few, more = queries(2), queries(5)

    assert len(more) - len(few) <= 3 * each
    reads = [Counter(re.findall(r'FROM "approvals_(requestrule|vote)"', " ".join(asked))) for asked in (few, more)]
    assert reads[1] - reads[0] == {"requestrule": 3, "vote": 2 * 3}  # votes before this one, and with it


def test_a_repeat_is_harmless_and_says_that_the_approval_stands(signed_in, asked, people):
    requests = [asked({"qa-approver": 1}), asked()]
    client, sent = signed_in(people.qa), ballots(*requests)
    client.post(BULK, sent)
    events = Event.objects.count()
    page = text(client.post(BULK, sent))
    assert "2 approved" in page
    assert page.count("Approved before") == 2
    assert Vote.objects.count() == 2
    assert Event.objects.count() == events


def test_the_right_to_approve_together_comes_from_the_row_that_opened_the_request(people, product):
    from approvals.actions import request_change_authorisation

    approvals.policy({"qa-approver": 1}, subject="change", risk_bands=["low"], allow_bulk=True, name="Routine")
    approvals.policy({"qa-approver": 1}, subject="change", risk_bands=["high"], name="Careful")
    allowed = {}
    for risk in ("low", "high"):
        change = releases.change(product, state="assessing", assessed_by=people.qa2, backout="Undo.", risk=risk)
        allowed[risk] = request_change_authorisation(change.pk, actor=people.manager).allow_bulk
    assert allowed == {"low": True, "high": False}


def test_a_stand_in_approves_together_in_the_place_that_was_shown(signed_in, asked, people):
    request = asked()
    approvals.delegation(people.qa, people.operations)
    page = text(signed_in(people.operations).get(BULK, picks(request)))
    assert f'name="seat-{request.pk}" value="{people.qa.pk}"' in page
    signed_in(people.operations).post(BULK, ballots(request) | {f"seat-{request.pk}": people.qa.pk})
    vote = Vote.objects.get()
    assert (vote.person, vote.seat) == (people.operations, people.qa)


def test_whoever_stands_in_for_several_decides_one_by_one(signed_in, asked, people):
    request = asked()
    for absent in (people.qa, people.qa2):
        approvals.delegation(absent, people.operations)
    page = text(signed_in(people.operations).get(BULK, picks(request)))
    assert "choose in whose place you vote" in page
    assert f"digest-{request.pk}" not in page


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_twice_at_once_counts_once(asked, people):
    requests = [asked() for _ in range(3)]
    sent, start = ballots(*requests), Barrier(2)

    def send() -> str:
        client = Client()
        client.force_login(people.qa, backend="django.contrib.auth.backends.ModelBackend")
        start.wait(10)
        try:
            return text(client.post(BULK, sent))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        pages = [future.result(60) for future in [pool.submit(send), pool.submit(send)]]
    assert Vote.objects.count() == 3
    assert all("3 approved" in page for page in pages)
    assert sum(page.count("Approved before") for page in pages) == 3


# The API


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(type(user).objects.get(pk=user.pk))
    return client


def test_the_api_lists_what_waits_for_me(asked, people):
    mine, voted = asked(), asked()
    approvals.vote(voted, people.qa)
    found = api(people.qa).get("/api/v1/requests/", {"waiting": "true"}).json()["results"]
    assert [row["id"] for row in found] == [mine.pk]
    assert api(people.security).get("/api/v1/requests/", {"waiting": "true"}).json()["results"] == []
    assert len(api(people.security).get("/api/v1/requests/").json()["results"]) == 2


def test_the_api_approves_together_and_says_what_came_of_each(asked, people):
    good, alone, moved = asked(), asked(allow_bulk=False), asked()
    rows = [{"id": r.pk, "digest": shown(r)} for r in (good, alone)] + [{"id": moved.pk, "digest": "0" * 64}]
    answer = api(people.qa).post("/api/v1/requests/bulk/", {"requests": rows, "comment": "Routine."}, format="json")
    assert answer.status_code == 200, answer.content
    vote = Vote.objects.get()
    assert [(r["id"], r["outcome"], r["vote"], [b["code"] for b in r["blockers"]]) for r in answer.json()] == [
        (good.pk, "approved", vote.pk, []),
        (alone.pk, "refused", None, ["one-by-one"]),
        (moved.pk, "moved", None, ["moved"]),
    ]


def test_the_api_refuses_the_whole_list_where_one_is_out_of_sight_or_it_is_too_long(asked, people):
    seen, hidden = asked(), asked(of=releases.product())
    reader = person("ned", roles=["qa-approver"], on=seen.product)
    rows = [{"id": r.pk, "digest": shown(r)} for r in (seen, hidden)]
    assert api(reader).post("/api/v1/requests/bulk/", {"requests": rows}, format="json").status_code == 404
    assert api(people.qa).post("/api/v1/requests/bulk/", {"requests": rows[:1] * 101}, format="json").status_code == 400
    assert api(people.bot).post("/api/v1/requests/bulk/", {"requests": rows}, format="json").status_code == 403
    assert not Vote.objects.exists()
