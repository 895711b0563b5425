"""What waits for whom."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import inbox
from approvals.actions import cast_vote, refresh
from approvals.models import ApprovalRequest, RequestRule
from releases.models import Change
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import hold, person

pytestmark = pytest.mark.django_db


def fresh(user):
    return type(user).objects.get(pk=user.pk)


def kinds(user) -> list[str]:
    return [item.kind for item in inbox.waiting_for(fresh(user))]


def test_a_request_waits_for_those_whose_vote_would_help_and_for_nobody_else(ask, release, people):
    hold(people.manager, "qa-approver")
    author = person("ada", roles=["qa-approver"])
    elsewhere = person("eve", roles=["qa-approver"], on=releases.product())
    release.changes.update(author=author)
    request = ask({"qa-approver": 1, "security-approver": 1})
    assert kinds(people.qa) == kinds(people.qa2) == kinds(people.security) == ["vote"]
    for other in (people.manager, author, elsewhere, people.operations, people.reader, people.outsider, people.bot):
        assert kinds(other) == [], other
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    assert kinds(people.qa) == kinds(people.qa2) == []
    assert kinds(people.security) == ["vote"]


def test_a_vote_that_would_free_another_for_an_open_rule_is_asked_for(ask, people):
    both = person("bea", roles=["qa-approver", "security-approver"])
    request = ask({"qa-approver": 1, "security-approver": 1})
    cast_vote(request.pk, actor=both, verdict="approve", digest=shown(request))
    assert kinds(people.qa) == kinds(people.security) == ["vote"]


def test_a_stale_vote_waits_again_and_says_so(ask, release, people):
    request = ask({"qa-approver": 2})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    type(release).objects.update(objective="Something else")
    refresh(request.pk)
    [item] = inbox.waiting_for(fresh(people.qa))
    assert item.again
    assert "changed since your vote" in item.why


def test_waivers_overrides_and_passed_tests_wait_for_who_may_decide_and_not_for_who_asked(release, people):
    waiver = approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested", requested_by=people.tester)
    override = approvals.override(releases.freeze(), release, "requested", requested_by=people.manager)
    approvals.request(waiver, {"qa-approver": 1}, requester=people.tester)
    approvals.request(override, {"change-manager": 1}, requester=people.manager)
    approvals.signoff(release.candidate, "security", "passed")
    hold(people.tester, "qa-approver")
    assert kinds(people.qa) == ["waiver"]
    assert kinds(people.change_manager) == ["override"]
    assert kinds(people.tester) == ["signoff"]
    assert kinds(people.reader) == []


def test_what_is_due_first_stands_first(people):
    for days in (3, 1, 2):
        made = approvals.request(releases.release(state="approving", version=f"{days}.0.0"))
        type(made).objects.filter(pk=made.pk).update(due_at=made.opened_at.replace(year=2030 + days))
    years = [item.due_at.year for item in inbox.waiting_for(fresh(people.qa))]
    assert years == [2031, 2032, 2033]


def add_one_of_each(people):
    """A vote on a release, one on a change, a waiver, an override and a test to sign, all waiting."""
    release = releases.release(state="approving")
    releases.change(release.product, release, author=people.manager)
    releases.risk(release)
    request = approvals.request(release, {"qa-approver": 2})
    approvals.vote(request, people.qa2)
    approvals.request(releases.change(release.product, state="authorising"), {"change-manager": 1})
    waiver = approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested")
    approvals.request(waiver, {"qa-approver": 1})
    approvals.request(approvals.override(releases.freeze(), release, "requested"), {"change-manager": 1})
    approvals.signoff(release.candidate, "security", "passed")


def test_the_inbox_asks_as_much_for_fifty_items_as_for_five(people):
    hold(people.qa, "change-manager")
    hold(people.qa, "tester")
    add_one_of_each(people)
    user = fresh(people.qa)
    with CaptureQueriesContext(connection) as few:
        assert len(inbox.waiting_for(user)) == 5
    for _ in range(9):
        add_one_of_each(people)
    user = fresh(people.qa)
    with CaptureQueriesContext(connection) as many:
        assert len(inbox.waiting_for(user)) == 50
    assert len(many) == len(few)


def test_a_stand_in_finds_what_waits_for_the_one_they_stand_in_for_and_nobody_twice(ask, people):
    request = ask({"qa-approver": 2})
    approvals.delegation(people.qa, people.operations)
    assert [item.request.pk for item in inbox.waiting_for(fresh(people.operations))] == [request.pk]
    cast_vote(request.pk, actor=people.operations, verdict="approve", digest=shown(request))
    assert kinds(people.operations) == []
    assert kinds(people.qa) == [], "the place is filled"
    assert kinds(people.qa2) == ["vote"]


def test_a_rule_of_a_later_stage_does_not_wait_for_anybody_yet(ask, people):
    request = ask({"qa-approver": 1, "security-approver": {"need": 1, "stage": 2}})
    assert (kinds(people.qa), kinds(people.security)) == (["vote"], [])
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    assert (kinds(people.qa), kinds(people.security)) == ([], ["vote"])


def test_authors_and_requesters_wait_only_where_the_row_counts_them(people):
    change = releases.change(releases.product(), state="authorising", author=people.qa)
    request = approvals.request(change, requester=people.qa2)
    assert kinds(people.qa) == kinds(people.qa2) == []
    type(request).objects.filter(pk=request.pk).update(count_author=True)
    assert (kinds(people.qa), kinds(people.qa2)) == (["vote"], [])
    type(request).objects.filter(pk=request.pk).update(count_requester=True, count_author=False)
    assert (kinds(people.qa), kinds(people.qa2)) == ([], ["vote"])


def test_requests_that_ask_alike_but_differ_in_who_wrote_them_are_told_apart(people):
    product = releases.product()
    own = releases.change(product, state="authorising", author=people.qa)
    other = releases.change(product, state="authorising", author=people.qa2)
    approvals.request(own)
    request = approvals.request(other)
    assert [r.pk for r in inbox.requests_for(fresh(people.qa))] == [request.pk]


# What is wanted


def test_what_is_wanted_is_cut_by_kind_product_risk_and_deadline(people):
    now = timezone.now()
    payments = releases.product()
    low = approvals.request(releases.change(payments, state="authorising"), due_at=now + timedelta(days=30))
    high = approvals.request(
        releases.change(payments, state="authorising", risk="high"), due_at=now - timedelta(hours=1)
    )
    shipped = releases.release(state="approving")
    releases.risk(shipped, impact=5, likelihood=5)
    ship = approvals.request(shipped, due_at=now + timedelta(days=3))

    def found(**wanted):
        return {r.pk for r in inbox.requests_for(fresh(people.qa), inbox.Wanted(**wanted))}

    assert found() == {low.pk, high.pk, ship.pk}
    assert found(kind="change") == {low.pk, high.pk}
    assert found(product=payments.pk) == {low.pk, high.pk}
    assert found(risk="high") == {high.pk, ship.pk}
    assert found(risk="high", kind="change") == {high.pk}
    assert found(due="overdue") == {high.pk}
    assert found(due="week") == {ship.pk}
    assert found(due="later") == {low.pk}


def test_due_today_ends_with_the_readers_day_not_with_that_of_greenwich(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 23, 20, 0, tzinfo=UTC))
    half_past = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    with timezone.override("Europe/Berlin"):
        assert inbox.due_of(half_past) == "week"
    with timezone.override("America/New_York"):
        assert inbox.due_of(half_past) == "today"


def test_what_follows_a_decided_request_stands_below_it_in_the_same_filtered_list(people):
    now, product = timezone.now(), releases.product()
    first, second, third = (
        approvals.request(releases.change(product, state="authorising", risk=risk), due_at=now + timedelta(days=day))
        for day, risk in ((1, "low"), (2, "high"), (3, "low"))
    )
    user = fresh(people.qa)
    assert inbox.following(user, first).pk == second.pk
    assert inbox.following(user, first, inbox.Wanted(risk="low")).pk == third.pk
    assert inbox.following(user, third).pk == first.pk, "round to the top"
    assert inbox.following(user, second, inbox.Wanted(risk="high")) is None


# The number in the navigation


def test_the_count_of_the_navigation_stops_at_enough_and_says_that_there_are_more(people, monkeypatch):
    monkeypatch.setattr(inbox, "ENOUGH", 2)
    product = releases.product()
    for expected in ((1, False), (2, False), (2, True), (2, True)):
        approvals.request(releases.change(product, state="authorising"))
        assert inbox.count_for(fresh(people.qa)) == expected


def test_the_count_looks_at_no_more_rows_than_it_says(people, monkeypatch):
    monkeypatch.setattr(inbox, "AT_ONCE", 1)
    monkeypatch.setattr(inbox, "LOOKED_AT", 3)
    product = releases.product()
    for _ in range(5):
        approvals.request(releases.change(product, state="authorising"))
    looked = []
    monkeypatch.setattr(inbox, "would_help", lambda request, *args: looked.append(request.pk) or True)
    assert inbox.count_for(fresh(people.qa)) == (3, True)
    assert len(looked) <= 3


def test_the_count_agrees_with_the_list(people):
    for _ in range(3):
        add_one_of_each(people)
    for user in (people.qa, people.qa2, people.change_manager, people.reader, people.bot):
        assert inbox.count_for(fresh(user)) == (len(inbox.requests_for(fresh(user))), False)


# A thousand


def thousand(count: int, people, first: int) -> None:
    """Requests about low-risk changes of one product, made in bulk."""
    product = releases.Product.objects.filter(slug="busy").first() or releases.product("Busy", slug="busy", key="BUSY")
    made = Change.objects.bulk_create(
        Change(product=product, key=f"BUSY-{first + n}", title=f"Change {n}", risk="low", impact="None.",
               author=people.manager, created_by=people.manager)
        for n in range(count)
    )  # fmt: skip
    Change.objects.filter(pk__in=[c.pk for c in made]).update(state="authorising")
    now = timezone.now()
    asked = ApprovalRequest.objects.bulk_create(
        ApprovalRequest(kind="change", product=product, change=change, row_names=["Low"], requester=people.manager,
                        sheet={}, digests={}, digest="", due_at=now + timedelta(minutes=n), opened_at=now)
        for n, change in enumerate(made)
    )  # fmt: skip
    RequestRule.objects.bulk_create(
        RequestRule(request=r, who="role:qa-approver", label="QA approver", opened_at=now, due_at=r.due_at)
        for r in asked
    )


def timed(call) -> tuple[float, object]:
    begun = perf_counter()
    result = call()
    return (perf_counter() - begun) * 1000, result


def test_a_thousand_waiting_requests_cost_as_many_queries_as_ten_and_little_beyond_their_rows(people):
    """The milliseconds are told where the bound is broken; rows may cost, looking at each anew may not."""
    looks = []
    original = inbox.would_help
    inbox.would_help = lambda *args: looks.append(1) or original(*args)
    try:
        thousand(10, people, 1)
        inbox.requests_for(fresh(people.qa))
        user = fresh(people.qa)
        with CaptureQueriesContext(connection) as few:
            ten_ms, ten = timed(lambda: inbox.requests_for(user))
        looks_at_ten = len(looks)
        thousand(990, people, 11)
        user = fresh(people.qa)
        with CaptureQueriesContext(connection) as many:
            thousand_ms, found = timed(lambda: inbox.requests_for(user))
        user = fresh(people.qa)
        with CaptureQueriesContext(connection) as badge:
            count_ms, count = timed(lambda: inbox.count_for(user))
    finally:
        inbox.would_help = original
    assert (len(ten), len(found), count) == (10, 1000, (99, True))
    assert len(many) == len(few)
    assert len(badge) <= len(few)
    assert len(looks) - looks_at_ten == 2, "requests that ask alike are looked at once, by the list and by the count"
    told = f"10: {ten_ms:.0f} ms, 1000: {thousand_ms:.0f} ms, count: {count_ms:.0f} ms"
    assert max(thousand_ms, count_ms) < 10 * ten_ms + 2_000, told
