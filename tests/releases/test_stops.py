"""Stops: one authorised person blocks a release, a product or an environment at once; lifting is a step of approvals."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.roles import ROLES
from core import gates
from core.blockers import Refused
from core.models import Event
from deployments import guards
from releases import actions, steps
from releases.models import Environment, Product, Release
from tests.factories import accounts, deployments, releases

pytestmark = pytest.mark.django_db

KINDS = ["release", "product", "environment"]


@pytest.fixture
def things(product):
    return {
        "release": releases.release(product, "ready"),
        "product": product,
        "environment": product.environments.get(tier="production"),
    }


def block(kind):
    return getattr(actions, f"block_{kind}")


def codes(refusal):
    return [b.code for b in refusal.value.blockers]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_keeps_who_set_it_when_and_why(things, manager, kind):
    stopped = block(kind)(things[kind].pk, actor=manager, reason=" A security hole. ")
    kept = type(stopped).objects.get(pk=stopped.pk)
    assert (kept.is_blocked, kept.blocked_reason, kept.blocked_by) == (True, "A security hole.", manager)
    event = Event.objects.get()
    assert (event.name, event.payload) == (f"{kind}.blocked", {"reason": "A security hole."})
    assert abs((kept.blocked_at - event.at).total_seconds()) < 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_needs_a_reason_and_is_set_once(things, manager, kind):
    with pytest.raises(Refused) as refusal:
        block(kind)(things[kind].pk, actor=manager, reason=" ")
    assert codes(refusal) == ["reason-missing"]
    block(kind)(things[kind].pk, actor=manager, reason="A hole.")
    with pytest.raises(Refused) as refusal:
        block(kind)(things[kind].pk, actor=manager, reason="Another one.")
    assert codes(refusal) == ["blocked-already"]
    assert type(things[kind]).objects.get(pk=things[kind].pk).blocked_reason == "A hole."
    assert Event.objects.count() == 1


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_that_may_block_blocks_a_product_and_no_other_does(product, role):
    person = accounts.person("actor", roles=[role], on=product)
    if "releases.block_release" in ROLES[role].rights:
        assert actions.block_product(product.pk, actor=person, reason="A hole.").is_blocked
    else:
        with pytest.raises(PermissionDenied):
            actions.block_product(product.pk, actor=person, reason="A hole.")
        assert not Event.objects.exists()


def test_the_roles_that_may_block_are_these():
    may = {role for role in ROLES if "releases.block_release" in ROLES[role].rights}
    assert may == {
        "qa-approver",
        "security-approver",
        "operations-approver",
        "release-manager",
        "deployer",
        "change-manager",
    }


def test_a_product_out_of_sight_cannot_be_blocked(product, outsider):
    with pytest.raises(Http404):
        actions.block_product(product.pk, actor=outsider, reason="A hole.")
    assert not Product.objects.get(pk=product.pk).is_blocked


@pytest.mark.parametrize("kind", KINDS)
def test_the_step_that_lifts_a_stop_tells_what_it_was_and_refuses_where_there_is_none(things, manager, kind):
    block(kind)(things[kind].pk, actor=manager, reason="A hole.")
    stopped = type(things[kind]).objects.get(pk=things[kind].pk)
    with transaction.atomic():
        steps.lift_stop(stopped, actor=manager, reason="Closed.")
    kept = type(stopped).objects.get(pk=stopped.pk)
    assert (kept.is_blocked, kept.blocked_reason, kept.blocked_by, kept.blocked_at) == (False, "", None, None)
    event = Event.objects.order_by("pk").last()
    assert (event.name, event.payload) == (f"{kind}.unblocked", {"reason": "Closed.", "was": "A hole."})
    with transaction.atomic(), pytest.raises(Refused) as refusal:
        steps.lift_stop(kept, actor=manager, reason="Again.")
    assert codes(refusal) == ["not-blocked"]
    assert Event.objects.count() == 2


def test_a_blocked_product_closes_the_gate_of_each_of_its_releases(product, things, manager):
    actions.block_product(product.pk, actor=manager, reason="A hole.")
    release = Release.objects.get(pk=things["release"].pk)
    found = gates.answers("release.start_deploying", ["not_blocked"], release)[0]
    assert [b.code for b in found.blockers] == ["product-blocked"]
    assert (
        found.blockers[0].message
        == "Maren blocked all of Payments API: A hole. It stands until those who have to agree lift it."
    )
    actions.block_release(release.pk, actor=manager, reason="Another one.")
    found = gates.answers("release.start_deploying", ["not_blocked"], Release.objects.get(pk=release.pk))[0]
    assert [(b.code, b.url) for b in found.blockers] == [
        ("blocked", reverse("approvals:lift", args=["release", release.pk])),
        ("product-blocked", reverse("approvals:lift", args=["product", product.pk])),
    ]
    other = releases.release(releases.product(), "ready")
    assert gates.answers("release.start_deploying", ["not_blocked"], other)[0].clear


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_starts_against_no_stop_and_a_rollback_against_that_of_its_release_alone(things, manager, kind):
    forward = deployments.deployment(things["release"], things["environment"])
    back = deployments.deployment(things["release"], things["environment"], kind="rollback", rolls_back=forward)
    assert guards.blocked(forward) == guards.blocked(back) == []
    block(kind)(things[kind].pk, actor=manager, reason="A hole.")
    forward, back = (type(d).objects.get(pk=d.pk) for d in (forward, back))
    assert [b.code for b in guards.blocked(forward)] == [f"{kind}-blocked"]
    assert [b.code for b in guards.blocked(back)] == ([] if kind == "release" else [f"{kind}-blocked"])


def test_what_went_live_is_not_rolled_back_in_a_blocked_product(things, manager):
    production = things["environment"]
    deployments.verified(production, "0.9.0")
    live = deployments.deployment(things["release"], production, "succeeded")
    actions.block_product(things["product"].pk, actor=manager, reason="Evidence is being taken.")
    assert [b.code for b in guards.no_way_back(type(live).objects.get(pk=live.pk))][:1] == ["product-blocked"]


# Pages


@pytest.fixture
def by(client):
    def sign_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


def test_a_product_is_blocked_on_its_page_which_asks_why(by, product, manager):
    here = reverse("releases:product_block", args=[product.slug])
    assert "Block all of Payments API" in by(manager).get(here).content.decode()
    answer = by(manager).post(here, {"reason": " "})
    assert answer.status_code == 422
    assert not Product.objects.get(pk=product.pk).is_blocked
    answer = by(manager).post(here, {"reason": "A hole."})
    assert answer.url == product.get_absolute_url()
    assert Product.objects.get(pk=product.pk).blocked_reason == "A hole."
    assert by(manager).post(here, {"reason": "Again."}).status_code == 409


def test_who_may_not_block_reads_who_may_and_who_may_not_see_it_finds_nothing(by, product, contributor, outsider):
    here = reverse("releases:product_block", args=[product.slug])
    page = by(contributor).get(here).content.decode()
    assert "Release manager" in page
    assert 'aria-disabled="true"' in page
    assert by(contributor).post(here, {"reason": "A hole."}).status_code == 403
    assert by(outsider).get(here).status_code == 404
    assert not Event.objects.exists()


def test_the_stop_of_a_product_shows_in_the_list_and_on_each_of_its_releases(by, things, product, manager):
    assert ">Block</a>" in by(manager).get(reverse("releases:products")).content.decode()
    actions.block_product(product.pk, actor=manager, reason="A hole in the vault.")
    page = by(manager).get(reverse("releases:products")).content.decode()
    assert "A hole in the vault." in page
    assert ">Block</a>" not in page
    page = by(manager).get(reverse("releases:scope", args=[product.slug, things["release"].version])).content.decode()
    assert "All of Payments API is blocked: no deployment starts" in page
    assert "A hole in the vault." in page
    assert reverse("approvals:lift", args=["product", product.pk]) in page


def test_who_may_not_stop_reads_of_a_stop_and_is_not_sent_to_lift_it(by, things, product, manager, stakeholder):
    actions.block_product(product.pk, actor=manager, reason="A hole in the vault.")
    lift = reverse("approvals:lift", args=["product", product.pk])
    for address in (
        reverse("releases:products"),
        reverse("releases:risks", args=[product.slug, things["release"].version]),
    ):
        page = by(stakeholder).get(address).content.decode()
        assert "A hole in the vault." in page
        assert lift not in page


def test_a_blocked_environment_leads_to_where_lifting_it_is_asked_for(by, things, product, manager):
    production = things["environment"]
    here = f"{reverse('releases:environments', args=[product.slug])}?environment={production.pk}"
    by(manager).post(here, {"do": "block", "environment": production.pk, "reason": "The disk is full."})
    page = by(manager).get(here).content.decode()
    assert "Maren: The disk is full." in page
    assert f'href="{reverse("approvals:lift", args=["environment", production.pk])}"' in page
    by(manager).post(here, {"do": "unblock", "environment": production.pk, "reason": "Emptied."})
    assert Environment.objects.get(pk=production.pk).is_blocked


@pytest.mark.parametrize("kind", ["releases", "environments", "products"])
def test_the_api_blocks_and_lifts_nothing(things, manager, kind):
    client = APIClient()
    client.force_authenticate(manager)
    here = f"/api/v1/{kind}/{things[kind[:-1]].pk}/"
    assert client.post(f"{here}block/", {"reason": "A hole."}, format="json").json()["blocked_reason"] == "A hole."
    assert client.post(f"{here}unblock/", {"reason": "Closed."}, format="json").status_code == 404
    assert client.get(here).json()["blocked_reason"] == "A hole."
