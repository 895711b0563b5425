"""The gates that agreement answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import guards
from core import gates
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


def codes(blockers):
    return [b.code for b in blockers]


@pytest.fixture
def release():
    made = releases.release(state="approving", strategy="minor")
    approvals.required("minor", "functional")
    return made


def test_a_required_kind_without_a_signature_blocks_and_names_what_is_missing(release):
    assert codes(guards.signoffs_missing(release)) == ["signoff-missing:functional"]
    approvals.signoff(release.candidate, "functional", "passed")
    release.refresh_from_db()
    [blocker] = guards.signoffs_missing(release)
    assert blocker.message == "Functional tests on rc.1 passed and wait for a signature."


def test_a_sign_off_of_an_older_candidate_does_not_count(release):
    approvals.signed_off(release, "functional")
    assert guards.signoffs_missing(release) == []
    releases.candidate(release)
    assert codes(guards.signoffs_missing(release)) == ["signoff-missing:functional"]


def test_a_waiver_lets_a_kind_through_until_it_lapses_and_the_gate_says_waived(release):
    signoff = approvals.signoff(release.candidate, "functional", "waived")
    waiver = approvals.waiver(signoff)
    assert guards.signoffs_missing(release) == []
    assert guards.signoffs_said(release).waived
    type(waiver).objects.filter(pk=waiver.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert codes(guards.signoffs_missing(release)) == ["signoff-missing:functional"]


def test_a_products_own_required_kinds_replace_the_general_ones(release):
    approvals.required("minor", "security", "uat", product=release.product)
    assert codes(guards.signoffs_missing(release)) == ["signoff-missing:security", "signoff-missing:uat"]


def test_without_a_matching_policy_approval_cannot_be_requested(release):
    from approvals.models import Policy

    Policy.objects.update(state="retired")
    assert codes(guards.policy_unmet(release)) == ["policy-missing"]


def test_a_rule_that_nobody_can_fill_blocks_the_request_and_one_that_can_does_not(release):
    approvals.policy({"qa-approver": 2}, name="Two of QA")
    person("ada", roles=["qa-approver"], on=release.product)
    assert codes(guards.policy_unmet(release)) == ["rule-impossible:role:qa-approver"]
    person("ben", roles=["qa-approver"])
    assert guards.policy_unmet(release) == []
    assert guards.policy_said(release) == "“Two of QA” asks for 2 of QA approver."


def test_authors_of_the_changes_are_not_counted_as_eligible(release):
    approvals.policy({"qa-approver": 1})
    author = person("ada", roles=["qa-approver"])
    releases.change(release.product, release, author=author)
    assert codes(guards.policy_unmet(release)) == ["rule-impossible:role:qa-approver"]


def test_approval_is_fresh_only_while_the_live_sheet_equals_what_the_voters_saw(release):
    ada = person("ada", roles=["qa-approver"])
    request = approvals.request(release, {"qa-approver": {"need": 1, "facets": ["window"]}})
    approvals.vote(request, ada)
    releases.put_in_state(request, "approved")
    assert guards.approval_missing(release) == []
    release.objective = "Something else"
    release.save()
    assert guards.approval_missing(release) == []
    release.window_ends_at += timedelta(hours=1)
    release.save()
    assert codes(guards.approval_missing(release)) == [f"approval-stale:{ada.pk}", "approval-open:role:qa-approver"]


def test_a_freeze_of_production_blocks_until_an_override_is_granted(release):
    freeze = releases.freeze()
    assert codes(guards.freeze_touching_window(release)) == [f"freeze:{freeze.pk}"]
    assert codes(guards.freeze_active(release)) == [f"freeze:{freeze.pk}"]
    approvals.override(freeze, release)
    assert guards.freeze_touching_window(release) == []
    assert guards.freeze_active(release) == []
    assert guards.freeze_said_now(release).waived


def test_a_freeze_of_another_product_or_of_staging_alone_does_not_block(release):
    releases.freeze(tiers=["staging"])
    releases.freeze().products.add(releases.product())
    assert guards.freeze_active(release) == []
    assert codes(guards.freeze_active(release, "staging")) != []


STEPS = ["request_approval", "mark_ready", "start_deploying", "plan"]


@pytest.mark.parametrize("step", STEPS)
def test_the_gates_of_many_releases_cost_as_many_queries_as_those_of_one(step, django_assert_num_queries):
    from releases.models import Release

    names = [n for n in gates.registered(f"release.{step}") if n in ("signoffs", "policy", "approval", "freeze")]
    people = [person(roles=["qa-approver"]) for _ in range(3)]
    approvals.policy({"qa-approver": 2})
    approvals.required("minor", "functional")

    def judge(rows):
        found = Release.objects.select_related("product", "candidate").prefetch_related(
            *gates.prefetches(f"release.{step}", names)
        )
        answers = [gates.answers(f"release.{step}", names, r) for r in found[:rows]]
        assert not any(b.code.startswith("gate-failed") for said in answers for a in said for b in a.blockers)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def add():
        made = releases.release(state="approving")
        releases.change(made.product, made)
        releases.risk(made, owner=people[0])
        releases.rollback_plan(made, owner=people[0])
        releases.pipeline(made.product)
        approvals.signed_off(made, "functional")
        approvals.override(releases.freeze(), made)
        request = approvals.request(made)
        approvals.vote(request, people[0])
        approvals.waiver(approvals.signoff(made.candidate, "security", "waived"))
        releases.put_in_state(request, "approved")

    add()
    with CaptureQueriesContext(
        connection,
    ) as one:
        judge(10)
    for _ in range(4):
        add()
    with django_assert_num_queries(len(one)):
        judge(10)


def test_who_cannot_see_the_product_does_not_count_though_a_rule_names_them(release, people):
    """Otherwise a request would wait for ever for a vote that nobody can cast."""
    from tests.factories import accounts

    approvals.policy({f"person:{people.outsider.pk},team:quiet": 1})
    accounts.team("Quiet", [person("nils")], slug="quiet")
    assert codes(guards.policy_unmet(release)) == [f"rule-impossible:person:{people.outsider.pk},team:quiet"]
    accounts.hold(people.outsider, "stakeholder", on=release.product)
    assert guards.policy_unmet(type(release).objects.get(pk=release.pk)) == []
