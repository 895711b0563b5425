"""The doors of risks, the way back, notes, freezes, products and environments, and their gates."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from core import gates
from core.blockers import Refused
from core.models import Event
from deployments.models import Deployment
from releases import actions, occurrences
from releases.models import Environment, FreezeWindow, Product, Release, Risk
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


def codes(refusal):
    return [b.code for b in refusal.value.blockers]


def blockers(transition, gate, release):
    """What a gate says of the release as it stands in the database."""
    fresh = Release.objects.get(pk=release.pk)
    return [b.code for b in gates.answers(transition, [gate], fresh)[0].blockers]


def risks_gate(release):
    return blockers("release.request_approval", "risks", release)


@pytest.fixture
def release(product, manager):
    return releases.release(product, "testing", manager=manager)


def test_a_high_risk_blocks_until_it_is_treated_and_the_list_confirmed(release, manager, contributor):
    risk = actions.add_risk(release.pk, actor=contributor, title="Loss", impact=5, likelihood=3)
    assert risks_gate(release) == ["risks-unconfirmed", f"risk-untreated:{risk.pk}"]
    actions.treat_risk(risk.pk, actor=manager, treatment="accept", plan="We can pay it back.")
    actions.confirm_risks(release.pk, actor=manager)
    assert risks_gate(release) == []
    actions.edit_risk(risk.pk, actor=contributor, likelihood=5)
    assert risks_gate(release) == ["risks-unconfirmed", f"risk-untreated:{risk.pk}"]


def test_a_medium_risk_needs_no_treatment(release, manager, contributor):
    actions.add_risk(release.pk, actor=contributor, title="Slow", impact=3, likelihood=4)
    actions.confirm_risks(release.pk, actor=manager)
    assert risks_gate(release) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"impact": 6}, "impact-invalid"),
        ({"likelihood": 0}, "likelihood-invalid"),
        ({"title": ""}, "title-invalid"),
    ],
)
def test_a_risk_off_the_scale_is_refused_at_its_field(release, contributor, fields, code):
    with pytest.raises(Refused) as refusal:
        actions.add_risk(release.pk, actor=contributor, **({"title": "Loss", "impact": 3, "likelihood": 3} | fields))
    assert codes(refusal) == [code]
    assert not Risk.objects.exists()


def test_treating_a_risk_is_a_managers_word_with_a_reason(release, manager, contributor):
    risk = releases.risk(release)
    with pytest.raises(PermissionDenied):
        actions.treat_risk(risk.pk, actor=contributor, treatment="accept", plan="Fine.")
    for treatment, plan, code in (("undecided", "x", "treatment-undecided"), ("accept", " ", "plan-missing")):
        with pytest.raises(Refused) as refusal:
            actions.treat_risk(risk.pk, actor=manager, treatment=treatment, plan=plan)
        assert codes(refusal) == [code]
    robot = accounts.person("robot", roles=["release-manager"], on=release.product, is_service=True)
    with pytest.raises(PermissionDenied, match="never sign"):
        actions.treat_risk(risk.pk, actor=robot, treatment="accept", plan="Fine.")
    assert not Event.objects.exists()


def test_a_removed_risk_is_gone_and_told(release, contributor):
    risk = releases.risk(release, title="Loss")
    actions.remove_risk(risk.pk, actor=contributor)
    assert not Risk.objects.exists()
    assert Event.objects.get().payload == {"removed": "Loss"}


def test_the_rollback_plan_is_complete_with_trigger_steps_time_and_owner(release, manager):
    gate = lambda: blockers("release.request_approval", "rollback_plan", release)  # noqa: E731
    assert gate() == ["rollback-missing"]
    actions.save_rollback_plan(release.pk, actor=manager, trigger="Errors over 1%", steps="Redeploy.")
    assert gate() == ["rollback-incomplete"]
    actions.save_rollback_plan(release.pk, actor=manager, expected_minutes=4, owner=manager)
    assert gate() == []
    actions.save_rollback_plan(release.pk, actor=manager, expected_minutes=4)
    assert Event.objects.filter(name="release.rollback_plan_changed").count() == 2


def test_an_edit_of_the_notes_takes_their_review_back(release, manager, contributor):
    gate = lambda: blockers("release.request_approval", "notes", release)  # noqa: E731
    actions.save_notes(release.pk, actor=contributor, text="New.")
    assert gate() == ["notes-unreviewed"]
    with pytest.raises(PermissionDenied):
        actions.review_notes(release.pk, actor=contributor)
    actions.review_notes(release.pk, actor=manager)
    assert gate() == []
    actions.save_notes(release.pk, actor=contributor, text="New.\r\n")
    assert gate() == []
    actions.save_notes(release.pk, actor=contributor, text="")
    assert gate() == ["notes-missing"]


def test_a_freeze_is_told_with_its_span_and_can_be_lifted_once(product, manager):
    now = timezone.now()
    freeze = actions.add_freeze(
        actor=manager, name="Year end", starts_at=now, ends_at=now + timedelta(days=1), products=[product]
    )
    assert Event.objects.get().payload["products"] == ["Payments API"]
    assert [o.freeze for o in occurrences.now(product.pk)] == [freeze]
    actions.lift_freeze(freeze.pk, actor=manager, reason="Called off.")
    assert occurrences.now(product.pk) == []
    with pytest.raises(Refused) as refusal:
        actions.lift_freeze(freeze.pk, actor=manager, reason="Again.")
    assert codes(refusal) == ["freeze-lifted"]


def test_a_freeze_of_everything_needs_the_right_everywhere(product, manager):
    now = timezone.now()
    span = {"name": "All", "starts_at": now, "ends_at": now + timedelta(days=1)}
    with pytest.raises(PermissionDenied):
        actions.add_freeze(actor=manager, **span)
    everywhere = accounts.person(roles=["release-manager"])
    assert actions.add_freeze(actor=everywhere, **span).pk
    with pytest.raises(Refused) as refusal:
        actions.add_freeze(actor=everywhere, name="Back", starts_at=now, ends_at=now - timedelta(days=1))
    assert codes(refusal) == ["freeze-order"]
    assert FreezeWindow.objects.count() == 1


def test_a_changed_freeze_tells_what_changed_and_an_unchanged_one_nothing(product, manager):
    freeze = releases.freeze()
    freeze.products.add(product)
    actions.change_freeze(freeze.pk, actor=manager, name=freeze.name, products=[product])
    assert not Event.objects.exists()
    actions.change_freeze(freeze.pk, actor=manager, name="Longer")
    assert Event.objects.get().payload == {"changed": {"name": ["Peak trading freeze", "Longer"]}}


def test_a_product_needs_a_free_name_key_and_address(administrator, manager, product):
    for fields, code in (
        ({"name": "Payments API", "key": "PAX"}, "name-taken"),
        ({"name": "Other", "key": "PAY"}, "key-taken"),
        ({"name": "Other", "key": "pax"}, "key-invalid"),
        ({"name": "Other", "key": "PAX", "slug": "payments-api"}, "slug-taken"),
        ({"name": "New", "key": "NEW"}, "slug-reserved"),
    ):
        with pytest.raises(Refused) as refusal:
            actions.add_product(actor=administrator, **fields)
        assert codes(refusal) == [code]
    with pytest.raises(PermissionDenied):
        actions.add_product(actor=manager, name="Other", key="OTH")
    assert Product.objects.count() == 1
    assert not Event.objects.exists()


def test_a_new_scheme_must_read_the_versions_that_are_under_way(administrator, product):
    releases.release(product, "testing", version="1.0.0")
    with pytest.raises(Refused) as refusal:
        actions.change_product(product.pk, actor=administrator, scheme="calver")
    assert codes(refusal) == ["scheme-unfit"]
    assert actions.change_product(product.pk, actor=administrator, scheme="pep440").scheme == "pep440"


def test_production_stays_last(administrator, product):
    staging, production = product.environments.order_by("position")
    with pytest.raises(Refused) as refusal:
        actions.order_environments(product.pk, [production.pk, staging.pk], actor=administrator)
    assert codes(refusal) == ["production-last"]
    actions.change_environment(staging.pk, actor=administrator, tier="production")
    with pytest.raises(Refused) as refusal:
        actions.change_environment(production.pk, actor=administrator, tier="staging")
    assert codes(refusal) == ["production-last"]
    with pytest.raises(Refused) as refusal:
        actions.order_environments(product.pk, [staging.pk], actor=administrator)
    assert codes(refusal) == ["order-incomplete"]


def test_an_environment_is_blocked_at_once_by_who_may_and_by_nobody_else(product, manager, contributor):
    production = product.environments.get(tier="production")
    with pytest.raises(PermissionDenied):
        actions.block_environment(production.pk, actor=contributor, reason="The disk is full.")
    actions.block_environment(production.pk, actor=manager, reason="The disk is full.")
    assert Environment.objects.get(pk=production.pk).blocked_reason == "The disk is full."
    assert list(Event.objects.values_list("name", flat=True)) == ["environment.blocked"]


def test_an_environment_with_a_history_cannot_be_removed(administrator, product):
    staging = product.environments.first()
    release = releases.release(product, "testing")
    kept = Deployment.objects.create(
        release=release, candidate=release.candidate, environment=staging, created_by=administrator
    )
    with pytest.raises(Refused) as refusal:
        actions.remove_environment(staging.pk, actor=administrator)
    assert codes(refusal) == ["environment-used"]
    assert not Event.objects.exists()
    kept.delete()
    actions.remove_environment(staging.pk, actor=administrator)
    assert product.environments.count() == 1


@pytest.mark.parametrize(
    ("opens_in_h", "closes_in_h", "code"), [(1, 2, ["window-not-open"]), (-2, -1, ["window-over"]), (-1, 1, [])]
)
def test_a_deployment_starts_inside_the_window_only(product, opens_in_h, closes_in_h, code):
    now = timezone.now()
    release = releases.release(
        product,
        "ready",
        window_starts_at=now + timedelta(hours=opens_in_h),
        window_ends_at=now + timedelta(hours=closes_in_h),
    )
    assert blockers("release.start_deploying", "window_open", release) == code
