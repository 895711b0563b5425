"""Waivers and freeze overrides: one asks, another decides, an instant ends them."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from approvals import guards
from approvals.actions import (
    decide_override,
    decide_waiver,
    expire_due,
    finish_follow_up,
    lapse_due,
    report_verdict,
    request_override,
    request_waiver,
)
from approvals.models import ApprovalRequest, FreezeOverride, Signoff, Waiver
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases
from tests.factories.accounts import hold

pytestmark = pytest.mark.django_db


def later(**delta):
    return timezone.now() + timedelta(**(delta or {"days": 1}))


def ask_waiver(release, actor, **changes):
    fields = {"reason": "No rig until Monday.", "expires_at": later()} | changes
    return request_waiver(release.candidate.pk, "performance", actor=actor, **fields)


def test_a_waiver_needs_a_reason_and_an_instant_in_the_future(release, people):
    assert refused(ask_waiver, release, people.tester, reason="") == ["reason"]
    assert refused(ask_waiver, release, people.tester, expires_at=later(seconds=-1)) == ["expiry-past"]
    assert not Waiver.objects.exists()
    with pytest.raises(PermissionDenied):
        ask_waiver(release, people.reader)


def test_a_second_person_with_the_right_grants_and_the_sign_off_is_waived(release, people):
    approvals.required("minor", "performance")
    waiver = ask_waiver(release, people.tester)
    assert [b.code for b in guards.signoffs_missing(release)] == ["signoff-missing:performance"]
    hold(people.tester, "qa-approver")
    assert refused(decide_waiver, waiver.pk, actor=people.tester, grant=True) == ["requester-never-counts"]
    assert refused(decide_waiver, waiver.pk, actor=people.operations, grant=True) == ["no-rule-for-you"]
    with pytest.raises(PermissionDenied):
        decide_waiver(waiver.pk, actor=people.reader, grant=True)
    decide_waiver(waiver.pk, actor=people.qa, grant=True, comment="Once.")
    assert guards.signoffs_missing(release) == []
    assert names() == [
        "waiver.requested", "request.opened", "vote.cast", "request.approved", "waiver.granted", "signoff.waived",
    ]  # fmt: skip
    waiver.refresh_from_db()
    assert (waiver.decided_by, waiver.comment) == (people.qa, "Once.")


def test_refusing_a_waiver_needs_a_comment_and_leaves_the_sign_off_as_it_was(release, people):
    waiver = ask_waiver(release, people.tester)
    assert refused(decide_waiver, waiver.pk, actor=people.qa, grant=False) == ["comment"]
    assert decide_waiver(waiver.pk, actor=people.qa, grant=False, comment="Test it.").state == "refused"
    assert Signoff.objects.get(kind="performance").state == "required"


def test_a_waiver_past_its_instant_cannot_be_granted(release, people):
    waiver = ask_waiver(release, people.tester)
    Waiver.objects.update(expires_at=later(seconds=-1))
    assert refused(decide_waiver, waiver.pk, actor=people.qa, grant=True) == ["expiry-past"]


def test_a_passed_test_cannot_be_waived_nor_one_asked_for_twice(release, people):
    assert refused(
        request_waiver, release.candidate.pk, "functional", actor=people.tester, reason="x", expires_at=later()
    ) == ["nothing-to-waive"]
    ask_waiver(release, people.tester)
    assert refused(ask_waiver, release, people.tester) == ["waiver-stands"]


def test_a_waiver_lapses_at_its_instant_and_the_test_is_required_again(release, people):
    waiver = ask_waiver(release, people.tester)
    decide_waiver(waiver.pk, actor=people.qa, grant=True)
    assert lapse_due() == 0
    Waiver.objects.update(expires_at=later(seconds=-1))
    assert lapse_due() == 1
    assert lapse_due() == 0
    waiver.refresh_from_db()
    assert waiver.state == "lapsed"
    assert Signoff.objects.get(kind="performance").state == "required"
    assert names().count("waiver.lapsed") == 1


def test_a_policy_may_ask_two_people_for_a_waiver(release, people):
    approvals.policy({"qa-approver": 1, "security-approver": 1}, subject="waiver")
    waiver = ask_waiver(release, people.tester)
    decide_waiver(waiver.pk, actor=people.qa, grant=True)
    waiver.refresh_from_db()
    assert waiver.state == "requested"
    assert decide_waiver(waiver.pk, actor=people.security, grant=True).state == "granted"


def test_a_waiver_that_nobody_could_grant_is_refused_when_it_is_asked_for(release, people):
    approvals.policy({"cab-member": 1}, subject="waiver")
    assert refused(ask_waiver, release, people.tester) == ["rule-impossible:role:cab-member"]
    assert not Waiver.objects.exists()
    assert names() == []


def test_a_waiver_whose_request_runs_out_lapses_and_can_be_asked_for_again(release, people):
    waiver = ask_waiver(release, people.tester, expires_at=later(days=30))
    ApprovalRequest.objects.update(due_at=later(seconds=-1))
    assert expire_due() == 1
    waiver.refresh_from_db()
    assert waiver.state == "lapsed"
    ask_waiver(release, people.tester)


def test_what_is_promised_for_afterwards_is_on_the_sheet_and_is_ticked_off_once(release, people):
    waiver = ask_waiver(release, people.tester, follow_up="Book the rig for Monday.")
    assert waiver.requests.get().sheet["risk"]["follow_up"] == "Book the rig for Monday."
    decide_waiver(waiver.pk, actor=people.qa, grant=True)
    assert finish_follow_up(waiver.pk, actor=people.tester).follow_up_done_at is not None
    assert refused(finish_follow_up, waiver.pk, actor=people.tester) == ["done-already"]
    other = ask_waiver(releases_of(release), people.tester)
    assert refused(finish_follow_up, other.pk, actor=people.tester) == ["no-follow-up"]


def releases_of(release):
    """Another release in testing, for a second waiver."""
    return releases.release(release.product, state="testing", strategy="minor")


def test_a_real_result_ends_the_waiver(release, people):
    waiver = ask_waiver(release, people.tester)
    decide_waiver(waiver.pk, actor=people.qa, grant=True)
    made = report_verdict(
        release.candidate.pk, "performance", actor=people.tester, verdict="passed", statement="p95 80 ms"
    )
    waiver.refresh_from_db()
    assert (made.state, waiver.state) == ("passed", "lapsed")


def test_a_freeze_override_is_asked_by_one_and_granted_by_another(release, people):
    freeze = releases.freeze()
    override = request_override(
        release.pk, freeze.pk, actor=people.manager, reason="Refunds are down.", expires_at=later()
    )
    assert [b.code for b in guards.freeze_active(release)] == [f"freeze:{freeze.pk}"]
    hold(people.manager, "change-manager")
    assert refused(decide_override, override.pk, actor=people.manager, grant=True) == ["requester-never-counts"]
    decide_override(override.pk, actor=people.change_manager, grant=True)
    assert guards.freeze_active(release) == []
    FreezeOverride.objects.update(expires_at=later(seconds=-1))
    assert [b.code for b in guards.freeze_active(release)] == [f"freeze:{freeze.pk}"]
    assert lapse_due() == 1
    assert names() == [
        "override.requested", "request.opened", "vote.cast", "request.approved", "override.granted", "override.lapsed",
    ]  # fmt: skip
    assert override.requests.get().state == "approved"


def test_an_override_of_a_freeze_that_covers_another_product_is_refused(release, people):
    freeze = releases.freeze()
    freeze.products.add(releases.product())
    assert refused(request_override, release.pk, freeze.pk, actor=people.manager, reason="x", expires_at=later()) == [
        "freeze-elsewhere"
    ]
