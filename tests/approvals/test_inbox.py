"""What waits for whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import inbox
from approvals.actions import cast_vote, refresh
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
    approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested", requested_by=people.tester)
    approvals.override(releases.freeze(), release, "requested", requested_by=people.manager)
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


def test_the_inbox_asks_as_much_for_forty_items_as_for_four(people):
    hold(people.qa, "change-manager")
    hold(people.qa, "tester")

    def add():
        release = releases.release(state="approving")
        releases.change(release.product, release, author=people.manager)
        releases.risk(release)
        request = approvals.request(release, {"qa-approver": 2})
        approvals.vote(request, people.qa2)
        approvals.request(releases.change(release.product, state="authorising"), {"change-manager": 1})
        approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested")
        approvals.override(releases.freeze(), release, "requested")
        approvals.signoff(release.candidate, "security", "passed")

    add()
    user = fresh(people.qa)
    with CaptureQueriesContext(connection) as few:
        assert len(inbox.waiting_for(user)) == 5
    for _ in range(9):
        add()
    user = fresh(people.qa)
    with CaptureQueriesContext(connection) as many:
        assert len(inbox.waiting_for(user)) == 50
    assert len(many) == len(few)
