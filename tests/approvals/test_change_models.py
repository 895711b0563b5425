"""Change models: standard ones from the catalogue, emergencies that owe an approval afterwards, and what nobody was asked about."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from approvals import guards
from approvals.actions import (
    ask_again,
    ask_missing,
    cast_vote,
    expire_due,
    record_unauthorised_change,
    request_change_authorisation,
    request_template_approval,
    withdraw,
)
from approvals.models import ApprovalRequest
from tests.approvals.conftest import shown
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


def approve(request, by):
    return cast_vote(request.pk, actor=by, verdict="approve", digest=shown(request))


# Emergencies


@pytest.fixture
def emergency(release, people):
    """An emergency change that its smaller quorum has approved, and the request that is owed."""
    approvals.policy({"qa-approver": 1, "security-approver": 1}, subject="change", name="Full", position=1)
    approvals.policy(
        {"change-manager": 1}, subject="change", name="Quick", change_types=["emergency"],
        afterwards="Full", afterwards_hours=48,
    )  # fmt: skip
    change = releases.change(release.product, type="emergency", risk="high", backout="Switch it off.")
    request = request_change_authorisation(change.pk, actor=people.manager)
    approve(request, people.change_manager)
    change.refresh_from_db()
    return change


def owed(change) -> ApprovalRequest:
    return change.requests.retrospective().get()


def test_an_emergency_goes_ahead_with_its_small_quorum_and_owes_the_full_one(emergency):
    assert emergency.state == "approved"
    request = owed(emergency)
    assert (request.state, sorted(r.who for r in request.rules.all())) == (
        "pending", ["role:qa-approver", "role:security-approver"],
    )  # fmt: skip
    assert request.due_at == request.opened_at + timedelta(hours=48)


def test_what_is_owed_never_expires_and_cannot_be_withdrawn(emergency, people):
    request = owed(emergency)
    ApprovalRequest.objects.filter(pk=request.pk).update(due_at=timezone.now() - timedelta(hours=1))
    assert expire_due() == 0
    assert refused(withdraw, request.pk, actor=people.manager, reason="It was right.") == ["owed"]


def test_the_full_quorum_given_afterwards_settles_it_and_moves_nothing(emergency, people):
    request = owed(emergency)
    approve(request, people.qa)
    approve(request, people.security)
    request.refresh_from_db()
    emergency.refresh_from_db()
    assert (request.state, emergency.state) == ("approved", "approved")
    assert emergency.requests.retrospective().count() == 1


def test_a_rejection_afterwards_stays_on_the_record_and_leaves_the_change_as_it_is(emergency, people):
    request = owed(emergency)
    cast_vote(request.pk, actor=people.qa, verdict="reject", digest=shown(request), comment="It broke the refunds.")
    request.refresh_from_db()
    emergency.refresh_from_db()
    assert (request.state, emergency.state) == ("rejected", "approved")
    assert [b.code for b in guards.retrospective_missing(emergency)] == ["retrospective-missing"]


def test_a_rejected_approval_afterwards_is_asked_for_again_under_the_same_rules(emergency, people, client):
    request = owed(emergency)
    assert refused(ask_again, request.pk, actor=people.manager) == ["not-rejected"]
    cast_vote(request.pk, actor=people.qa, verdict="reject", digest=shown(request), comment="It broke the refunds.")
    with pytest.raises(PermissionDenied):
        ask_again(request.pk, actor=people.reader)
    client.force_login(people.manager)
    page = client.get(reverse("approvals:change", args=[emergency.product.slug, emergency.key])).content.decode()
    assert reverse("approvals:ask_again", args=[request.pk]) in page
    assert client.post(reverse("approvals:ask_again", args=[request.pk])).status_code == 302
    again = emergency.requests.retrospective().pending().get()
    assert sorted(r.who for r in again.rules.all()) == ["role:qa-approver", "role:security-approver"]
    assert refused(ask_again, request.pk, actor=people.manager) == ["requested-already"]
    approve(again, people.qa)
    approve(again, people.security)
    assert guards.retrospective_missing(type(emergency).objects.get(pk=emergency.pk)) == []


def test_a_release_is_not_closed_while_its_retrospective_approval_is_owed(release):
    request = approvals.request(release, purpose="retrospective")
    assert [b.code for b in guards.retrospective_missing(release)] == ["retrospective-missing"]
    assert "retrospective" in type(release).machine.steps["close"].gates
    releases.put_in_state(request, "approved")
    assert guards.retrospective_missing(type(release).objects.get(pk=release.pk)) == []


def test_a_new_installation_asks_for_the_full_approval_after_each_emergency(release, people):
    change = releases.change(release.product, type="emergency", risk="high", backout="Switch it off.")
    approve(request_change_authorisation(change.pk, actor=people.manager), people.change_manager)
    assert owed(change).row_names == ["Normal change"]


# Standard changes


@pytest.fixture
def template(release):
    return releases.template(release.product, "draft")


def test_a_standard_change_is_proposed_and_enters_the_catalogue_when_the_quorum_agrees(template, people):
    author = person("ida", roles=["contributor"])
    request = request_template_approval(template.pk, actor=author)
    template.refresh_from_db()
    assert (template.state, request.kind, request.template) == ("proposed", "template", template)
    approve(request, people.change_manager)
    template.refresh_from_db()
    assert template.state == "approved"


def test_a_rejected_proposal_goes_back_to_its_draft(template, people):
    request = request_template_approval(template.pk, actor=person("ida", roles=["contributor"]))
    cast_vote(request.pk, actor=people.change_manager, verdict="reject", digest=shown(request), comment="Too wide.")
    template.refresh_from_db()
    assert template.state == "draft"


def test_proposing_asks_first_and_says_who_decides(template, people, client):
    client.force_login(person("ida", roles=["contributor"]))
    url = reverse("approvals:request_template", args=[template.pk])
    page = client.get(url).content.decode()
    assert "Change manager" in page
    assert client.post(url).status_code == 302
    template.refresh_from_db()
    assert template.state == "proposed"
    client.force_login(people.outsider)
    assert client.get(url).status_code == 404


# What nobody was asked about


def discovered(release, actor, **changes):
    fields = {"title": "Hotfix on the host", "description": "Seen by the drift check."} | changes
    return record_unauthorised_change(release.product_id, actor=actor, **fields)


def test_an_unauthorised_change_is_done_already_and_is_agreed_to_afterwards(release, people):
    change = discovered(release, person("bob", roles=["contributor"], is_service=True))
    assert (change.type, change.state) == ("unauthorised", "done")
    request = owed(change)
    assert request.row_names == ["Unauthorised change"]
    assert names() == ["change.discovered", "request.opened"]
    approve(request, people.change_manager)
    request.refresh_from_db()
    assert request.state == "approved"


def test_what_was_found_is_kept_even_where_nobody_could_agree_to_it(release, people):
    approvals.policy({"cab-member": 3}, subject="change")
    change = discovered(release, person("bob", roles=["contributor"]))
    assert change.state == "done"
    assert not change.requests.exists()


def test_what_was_found_is_asked_about_by_itself_once_somebody_could_agree(release, people):
    asking = approvals.policy({"cab-member": 1}, subject="change")
    change = discovered(release, person("bob", roles=["contributor"]))
    assert ask_missing() == 0
    person("cab", roles=["cab-member"])
    assert (ask_missing(), ask_missing()) == (1, 0)
    assert owed(change).row_names == [asking.name]


def test_only_contributors_record_what_they_found(release, people):
    with pytest.raises(PermissionDenied):
        discovered(release, people.reader)
    assert refused(discovered, release, person("bob", roles=["contributor"]), title=" ") == ["title-invalid"]
    assert names() == []


def test_it_is_recorded_on_a_page_and_its_approvals_are_shown_on_another(release, client):
    client.force_login(person("bob", roles=["contributor"]))
    url = reverse("approvals:unauthorised", args=[release.product.slug])
    assert client.post(url, {"title": ""}).status_code == 422
    assert client.post(url, {"title": "Hotfix", "commits": "no-commit"}).status_code == 422
    assert client.post(url, {"title": "Hotfix", "commits": "a" * 40}).status_code == 302
    change = release.product.changes.get(title="Hotfix")
    page = client.get(reverse("approvals:change", args=[release.product.slug, change.key])).content.decode()
    assert "Retrospective approval" in page
