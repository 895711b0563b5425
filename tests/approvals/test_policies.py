"""The decision table: which row decides, and how it is kept."""

import pytest
from django.core.exceptions import PermissionDenied

from approvals import matching
from approvals.actions import remove_policy, save_policy, set_required_signoffs
from approvals.models import Policy, RequiredSignoff
from core.models import Event
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases

pytestmark = pytest.mark.django_db

FIELDS = {"name": "Ours", "subject": "release", "position": 5, "deadline_hours": 24}


def test_a_new_installation_has_rules_for_every_strategy_and_type():
    for strategy in ("major", "minor", "patch", "emergency"):
        release = releases.release(strategy=strategy)
        assert matching.policy_for(release).name == f"{strategy.capitalize()} release"
    for kind in ("normal", "emergency"):
        assert matching.policy_for(releases.change(releases.product(), type=kind)).name == f"{kind.capitalize()} change"
    assert matching.required_kinds(releases.release(strategy="major")) == [
        "functional",
        "performance",
        "regression",
        "security",
        "uat",
    ]


def test_the_first_row_in_order_that_matches_decides():
    Policy.objects.all().delete()
    release = releases.release(strategy="minor")
    approvals.policy(name="last", position=9)
    approvals.policy(name="for majors", position=1, strategies=["major"])
    approvals.policy(name="for high risk", position=2, risk_bands=["high"])
    approvals.policy(name="for another", position=3, product=releases.product())
    approvals.policy(name="for changes", position=4, subject="change")
    approvals.policy(name="switched off", position=4, is_active=False)
    assert matching.policy_for(release).name == "last"
    releases.risk(release, impact=5, likelihood=4)
    assert matching.policy_for(release).name == "for high risk"
    approvals.policy(name="own", position=0, product=release.product)
    assert matching.policy_for(release).name == "own"


def test_only_rule_administrators_keep_policies(people):
    rules = [{"role": "qa-approver"}]
    with pytest.raises(PermissionDenied):
        save_policy(actor=people.manager, rules=rules, **FIELDS)
    made = save_policy(actor=people.rules, rules=rules, **FIELDS)
    with pytest.raises(PermissionDenied):
        remove_policy(made.pk, actor=people.manager)
    remove_policy(made.pk, actor=people.rules)
    assert names() == ["policy.saved", "policy.removed"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "name"),
        ({"name": "minor RELEASE"}, "name-taken"),
        ({"subject": "train"}, "subject"),
        ({"deadline_hours": 0}, "deadline"),
        ({"strategies": ["huge"]}, "strategies-unknown"),
        ({"rules": []}, "rules-missing"),
        ({"rules": [{"role": "tester"}]}, "role-unknown"),
        ({"rules": [{"role": "qa-approver"}, {"role": "qa-approver"}]}, "rule-twice"),
        ({"rules": [{"role": "qa-approver", "need": 0}]}, "need"),
        ({"rules": [{"role": "qa-approver", "facets": ["mood"]}]}, "facet-unknown"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_and_not_saved(people, changes, code):
    before = Policy.objects.count()
    given = FIELDS | {"rules": [{"role": "qa-approver"}]} | changes
    assert refused(save_policy, actor=people.rules, **given) == [code]
    assert (Policy.objects.count(), names()) == (before, [])


def test_the_log_keeps_what_a_row_was_and_became(people):
    made = save_policy(actor=people.rules, rules=[{"role": "qa-approver", "need": 1}], **FIELDS)
    save_policy(made.pk, actor=people.rules, rules=[{"role": "qa-approver", "need": 2, "veto": False}])
    payload = Event.objects.order_by("pk").last().payload
    assert payload["was"]["rules"][0]["need"] == 1
    assert payload["now"]["rules"] == [{"role": "qa-approver", "need": 2, "veto": False, "facets": []}]


def test_required_kinds_are_set_in_general_and_for_a_product(people):
    product = releases.product()
    set_required_signoffs("patch", ["security"], actor=people.rules)
    set_required_signoffs("patch", ["uat", "functional"], actor=people.rules, product=product)
    assert matching.required_kinds(releases.release(strategy="patch")) == ["security"]
    assert matching.required_kinds(releases.release(product, strategy="patch")) == ["functional", "uat"]
    set_required_signoffs("patch", [], actor=people.rules, product=product)
    assert not RequiredSignoff.objects.filter(product=product).exists()
    assert refused(set_required_signoffs, "patch", ["vibes"], actor=people.rules) == ["kind-unknown"]
