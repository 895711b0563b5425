"""Votes: bound to what was shown, one per person, never the requester's or an author's."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from approvals import sheet
from approvals.actions import answer, cast_vote, refresh, revoke_vote, settle
from approvals.actions import ask as ask_question
from approvals.models import Vote
from core.models import Event
from tests.approvals.conftest import shown
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases
from tests.factories.accounts import hold, person

pytestmark = pytest.mark.django_db


def vote(request, actor, verdict="approve", **kwargs):
    return cast_vote(request.pk, actor=actor, verdict=verdict, digest=kwargs.pop("digest", shown(request)), **kwargs)


def test_the_last_needed_vote_approves_the_request_and_marks_the_release_ready_in_one_go(ask, release, people):
    request = ask({"qa-approver": 1, "security-approver": 1})
    vote(request, people.qa)
    release.refresh_from_db()
    assert release.state == "approving"
    vote(request, people.security)
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("approved", "ready")
    assert names()[2:] == ["vote.cast", "vote.cast", "request.approved", "release.marked_ready"]


def test_two_of_one_role_and_one_of_another_are_not_pooled(ask, people):
    request = ask({"qa-approver": 2, "security-approver": 1})
    vote(request, people.qa)
    vote(request, people.qa2)
    request.refresh_from_db()
    assert request.state == "pending"


def test_overlapping_roles_never_deadlock(ask, people):
    both = person("bea", roles=["qa-approver", "security-approver"])
    request = ask({"qa-approver": 1, "security-approver": 1})
    vote(request, both)
    vote(request, people.security)
    request.refresh_from_db()
    assert request.state == "approved"


def test_the_requester_and_an_author_never_count_even_with_the_role(ask, release, people):
    hold(people.manager, "qa-approver")
    author = person("ada", roles=["qa-approver"])
    release.changes.update(author=author)
    request = ask()
    assert refused(vote, request, people.manager) == ["requester-never-counts"]
    assert refused(vote, request, author) == ["author-never-counts"]
    assert not Vote.objects.exists()


def test_who_holds_no_role_of_the_rules_cannot_vote_nor_can_a_service_account(ask, people):
    request = ask()
    assert refused(vote, request, people.security) == ["no-rule-for-you"]
    with pytest.raises(PermissionDenied):
        vote(request, people.reader)
    with pytest.raises(Http404):
        vote(request, people.outsider)
    robot = person("robot", roles=["qa-approver"], is_service=True)
    with pytest.raises(PermissionDenied, match="never sign"):
        vote(request, robot)
    assert not Vote.objects.exists()


def test_a_vote_on_what_is_no_longer_there_is_refused_as_moved_and_not_counted(ask, release, people):
    request = ask()
    seen = shown(request)
    release.refresh_from_db()
    release.objective = "Something else"
    release.save()
    assert refused(vote, request, people.qa, digest=seen) == ["moved"]
    assert not Vote.objects.exists()
    assert vote(request, people.qa).sheet.content["scope"]["objective"] == "Something else"


def test_a_rejection_needs_a_comment_and_a_veto_ends_the_request_at_once(ask, people):
    request = ask({"qa-approver": 2})
    assert refused(vote, request, people.qa, "reject") == ["comment"]
    vote(request, people.qa, "reject", comment="The rollback is untested.")
    request.refresh_from_db()
    assert request.state == "rejected"
    assert refused(vote, request, people.qa2) == ["not-pending"]


def test_without_a_veto_the_request_ends_only_when_the_rules_can_no_longer_be_met(ask, people):
    third = person("tim", roles=["qa-approver"])
    request = ask({"qa-approver": {"need": 2, "veto": False}})
    vote(request, people.qa, "reject", comment="No.")
    request.refresh_from_db()
    assert request.state == "pending"
    vote(request, third, "reject", comment="No either.")
    request.refresh_from_db()
    assert request.state == "rejected"


def test_the_same_vote_twice_is_refused_and_the_other_way_replaces_the_first(ask, people):
    request = ask({"qa-approver": {"need": 2, "veto": False}})
    first = vote(request, people.qa)
    assert refused(vote, request, people.qa) == ["voted-already"]
    vote(request, people.qa, "reject", comment="I found something.")
    first.refresh_from_db()
    assert first.state == "revoked"
    assert Vote.objects.filter(person=people.qa, state="cast").count() == 1


def test_a_vote_taken_back_reopens_the_approval_and_blocks_the_deployment(ask, release, people):
    from approvals import guards

    request = ask()
    cast = vote(request, people.qa)
    assert refused(revoke_vote, cast.pk, actor=people.qa2, reason="x") == ["not-your-vote"]
    assert refused(revoke_vote, cast.pk, actor=people.qa, reason="") == ["reason"]
    revoke_vote(cast.pk, actor=people.qa, reason="I looked at the wrong build.")
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("pending", "ready")
    assert [b.code for b in guards.approval_missing(release)] == ["approval-open:role:qa-approver"]


def test_an_approved_request_whose_release_is_still_blocked_moves_on_when_the_last_gate_clears(ask, release, people):
    request = ask()
    change = releases.change(release.product, release, state="assessing")
    refresh(request.pk)
    vote(request, people.qa)
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("approved", "approving")
    releases.put_in_state(change, "approved")
    settle(request.pk)
    release.refresh_from_db()
    assert release.state == "ready"


def test_a_question_counts_as_no_vote_and_is_answered_once_by_somebody_else(ask, people):
    request = ask()
    question = ask_question(request.pk, actor=people.qa, text="Who restores the keys?")
    assert not Vote.objects.exists()
    assert refused(answer, question.pk, actor=people.qa, text="Me") == ["own-question"]
    assert refused(answer, question.pk, actor=people.manager, text=" ") == ["text"]
    answer(question.pk, actor=people.manager, text="The lead on call.")
    assert refused(answer, question.pk, actor=people.manager, text="Again") == ["answered"]
    assert names()[2:] == ["question.asked", "question.answered"]


def test_a_vote_says_in_the_log_which_rules_it_could_fill_and_on_which_sheet(ask, people):
    request = ask()
    digest = shown(request)
    vote(request, people.qa, comment="Fine.")
    payload = Event.objects.get(name="vote.cast").payload
    assert (payload["counts_for"], payload["digest"], payload["comment"]) == (["role:qa-approver"], digest, "Fine.")


def test_a_stale_rejection_no_longer_stands_in_the_way(ask, release, people):
    request = ask({"qa-approver": {"need": 2, "veto": False, "facets": ["window"]}, "security-approver": 1})
    third = person("tim", roles=["qa-approver"])
    vote(request, third, "reject", comment="Too early.")
    release.refresh_from_db()
    release.window_ends_at = release.window_ends_at.replace(year=release.window_ends_at.year + 1)
    release.save()
    refresh(request.pk)
    assert Vote.objects.get(person=third).state == "invalidated"
    assert approvals.Vote.objects.filter(state="cast").count() == 0


def test_what_is_decided_on_is_worked_out_once_for_a_vote_and_all_that_follows_from_it(
    ask, release, people, monkeypatch
):
    request = ask()
    digest, worked_out = shown(request), []
    monkeypatch.setattr(sheet, "sealed", lambda content, seal=sheet.sealed: worked_out.append(content) or seal(content))

    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=digest)

    release.refresh_from_db()
    assert release.state == "ready"
    assert len(worked_out) == 1
