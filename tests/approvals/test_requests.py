"""The request: opened with a frozen sheet and copied rules, kept in step with its subject, withdrawn, expired."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from approvals import sheet
from approvals.actions import (
    align,
    cast_vote,
    expedite_release,
    expire_due,
    request_change_authorisation,
    request_release_approval,
    withdraw,
)
from approvals.models import ApprovalRequest, Policy
from core.blockers import Refused
from core.models import Event
from tests.approvals.conftest import shown
from tests.factories import approvals, releases

pytestmark = pytest.mark.django_db


def refused(door, *args, **kwargs) -> list[str]:
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    return [b.code for b in refusal.value.blockers]


def names() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


def test_requesting_approval_moves_the_release_and_opens_a_request_with_the_rules_and_the_sheet(release, people):
    policy = approvals.policy({"qa-approver": 2, "security-approver": {"facets": ["artifact"], "veto": False}})
    request = request_release_approval(release.pk, actor=people.manager)
    release.refresh_from_db()
    assert release.state == "approving"
    assert request.state == "pending"
    assert request.digest == sheet.of(release).digest == request.sheets.get().digest
    assert [(r.who, r.need, r.veto, r.facets) for r in request.rules.all()] == [
        ("role:qa-approver", 2, True, []),
        ("role:security-approver", 1, False, ["artifact"]),
    ]
    assert request.due_at == request.opened_at + timedelta(hours=policy.deadline_hours)
    assert names() == ["release.approval_requested", "request.opened"]


def test_another_policy_in_force_leaves_a_running_request_as_it_was(ask):
    request = ask({"qa-approver": 2})
    now_in_force = Policy.objects.get(subject="release", state="in_force")
    Policy.objects.filter(pk=now_in_force.pk).update(state="retired")
    approvals.policy({"security-approver": 1})
    request.refresh_from_db()
    assert request.policy == now_in_force
    assert [(r.who, r.need) for r in request.rules.all()] == [("role:qa-approver", 2)]


def test_a_request_that_cannot_be_met_is_refused_with_the_reason_and_nothing_moves(release, people):
    approvals.policy({"qa-approver": 3})
    assert refused(request_release_approval, release.pk, actor=people.manager) == ["rule-impossible:role:qa-approver"]
    release.refresh_from_db()
    assert release.state == "testing"
    assert names() == []
    assert not ApprovalRequest.objects.exists()


def test_the_requester_does_not_make_a_rule_possible(release, people):
    from tests.factories.accounts import hold

    approvals.policy({"cab-member": 1})
    hold(people.manager, "cab-member")
    assert refused(request_release_approval, release.pk, actor=people.manager) == ["rule-impossible:role:cab-member"]


def test_every_missing_thing_is_named_at_once(release, people):
    from approvals.models import Signoff

    Signoff.objects.all().update(state="failed")
    Policy.objects.update(state="retired")
    assert refused(request_release_approval, release.pk, actor=people.manager) == [
        "signoff-missing:functional",
        "policy-missing",
    ]


def test_only_who_may_move_releases_asks_and_strangers_see_nothing(release, people):
    approvals.policy()
    with pytest.raises(PermissionDenied):
        request_release_approval(release.pk, actor=people.qa)
    with pytest.raises(Http404):
        request_release_approval(release.pk, actor=people.outsider)
    assert names() == []


def test_an_emergency_goes_the_short_way_with_its_own_rules(people):
    approvals.required("emergency", "functional")
    release = releases.release(state="draft", strategy="emergency", manager=people.manager)
    releases.candidate(release)
    releases.change(release.product, release, state="approved")
    releases.rollback_plan(release)
    approvals.signed_off(release, "functional")
    approvals.policy({"qa-approver": 3}, strategies=["minor"])
    approvals.policy({"qa-approver": 1}, strategies=["emergency"], name="Quick")
    request = expedite_release(release.pk, actor=people.manager)
    assert (request.policy_name, request.release.state) == ("Quick", "approving")
    assert names() == ["release.expedited", "request.opened"]


def test_after_a_rejection_the_same_release_can_be_asked_for_again(ask, release, people):
    request = ask()
    cast_vote(request.pk, actor=people.qa, verdict="reject", digest=shown(request), comment="Not yet.")
    again = request_release_approval(release.pk, actor=people.manager)
    assert again.pk != request.pk
    assert (again.state, again.release.state) == ("pending", "approving")


def test_a_second_request_beside_a_standing_one_is_refused(ask, release, people):
    ask()
    assert refused(request_release_approval, release.pk, actor=people.manager) == ["requested-already"]


def test_a_change_is_authorised_by_its_own_request(people):
    approvals.policy({"change-manager": 1}, subject="change")
    product = releases.product()
    change = releases.change(product, state="assessing", assessed_by=people.qa, backout="Switch it off.")
    request = request_change_authorisation(change.pk, actor=people.manager)
    cast_vote(request.pk, actor=people.change_manager, verdict="approve", digest=shown(request))
    change.refresh_from_db()
    assert change.state == "approved"
    assert names() == [
        "change.authorisation_requested",
        "request.opened",
        "vote.cast",
        "request.approved",
        "change.approved",
    ]


def test_a_rejected_request_rejects_the_change_with_the_comment(people):
    approvals.policy({"change-manager": 1}, subject="change")
    change = releases.change(releases.product(), state="assessing", assessed_by=people.qa, backout="Switch it off.")
    request = request_change_authorisation(change.pk, actor=people.manager)
    cast_vote(request.pk, actor=people.change_manager, verdict="reject", digest=shown(request), comment="Too risky.")
    change.refresh_from_db()
    request.refresh_from_db()
    assert (change.state, request.state) == ("rejected", "rejected")
    assert "Too risky." in Event.objects.get(name="change.rejected").payload["reason"]


def test_a_release_on_hold_suspends_its_request_and_resuming_restores_it(ask, release):
    request = ask()
    releases.put_in_state(release, "on_hold")
    align(release_id=release.pk)
    request.refresh_from_db()
    assert request.state == "suspended"
    type(request).objects.update(due_at=timezone.now() - timedelta(hours=1))
    assert expire_due() == 0
    releases.put_in_state(release, "approving")
    align(release_id=release.pk)
    request.refresh_from_db()
    assert request.state == "pending"
    assert request.due_at > timezone.now() + timedelta(hours=71)


@pytest.mark.parametrize(("state", "expected"), [("cancelled", "withdrawn"), ("planned", "superseded")])
def test_a_request_ends_when_its_release_is_cancelled_or_replanned(ask, release, state, expected):
    request = ask()
    releases.put_in_state(release, state)
    align(release_id=release.pk)
    align(release_id=release.pk)
    request.refresh_from_db()
    assert request.state == expected
    assert names().count(f"request.{expected}") == 1


def test_a_new_candidate_suspends_the_request_and_asking_again_goes_on_with_the_untouched_votes(ask, release, people):
    request = ask({"qa-approver": {"facets": ["scope"]}, "security-approver": {"facets": ["artifact"]}})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    releases.candidate(release)
    releases.put_in_state(release, "testing")
    align(release_id=release.pk)
    request.refresh_from_db()
    assert request.state == "suspended"
    approvals.signed_off(release, "functional")
    again = request_release_approval(release.pk, actor=people.manager)
    assert again.pk == request.pk
    assert [v.person for v in again.votes.filter(state="cast")] == [people.qa]
    cast_vote(request.pk, actor=people.security, verdict="approve", digest=shown(request))
    release.refresh_from_db()
    assert release.state == "ready"


def test_a_request_expires_at_its_deadline_and_not_before(ask):
    request = ask()
    assert expire_due() == 0
    type(request).objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert expire_due() == 1
    request.refresh_from_db()
    assert request.state == "expired"
    assert names()[-1] == "request.expired"


def test_who_asked_may_withdraw_with_a_reason_and_others_may_not(ask, people):
    request = ask()
    assert refused(withdraw, request.pk, actor=people.manager, reason=" ") == ["reason"]
    with pytest.raises(PermissionDenied):
        withdraw(request.pk, actor=people.qa, reason="I do not like it.")
    assert withdraw(request.pk, actor=people.manager, reason="Wrong version.").state == "withdrawn"
