"""Taking a vote back on what is not a release or a change, and by whom."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.actions import cast_vote, request_waiver, revoke_vote
from tests.approvals.conftest import shown
from tests.approvals.test_requests import refused
from tests.factories import approvals
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


def asked_about(release, people, rules):
    approvals.policy(rules, subject="waiver")
    until = timezone.now() + timedelta(days=1)
    waiver = request_waiver(
        release.candidate_id, "performance", actor=people.tester, reason="No rig.", expires_at=until
    )
    return waiver.requests.get()


def test_a_vote_on_a_waiver_is_taken_back_while_others_are_still_needed(release, people):
    request = asked_about(release, people, {"qa-approver": 2})
    vote = cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))

    assert revoke_vote(vote.pk, actor=people.qa, reason="Too soon.").state == "revoked"
    request.refresh_from_db()
    assert request.state == "pending"


def test_a_vote_on_a_waiver_that_is_granted_stands(release, people):
    request = asked_about(release, people, {"qa-approver": 1})
    vote = cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))

    assert refused(revoke_vote, vote.pk, actor=people.qa, reason="Too late.") == ["decided"]


def test_who_votes_by_name_without_an_approving_role_takes_the_vote_back_as_well(release, people):
    named = person("nina", roles=["contributor"])
    request = asked_about(release, people, {f"person:{named.pk}": 1, "qa-approver": 1})
    vote = cast_vote(request.pk, actor=named, verdict="approve", digest=shown(request))

    assert refused(revoke_vote, vote.pk, actor=people.qa, reason="Not mine.") == ["not-your-vote"]
    assert revoke_vote(vote.pk, actor=named, reason="Too soon.").state == "revoked"
