"""What is production stays production, and what was seen there stays: nobody deploys past the approval by calling it staging."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments.models import Deployment, Runbook, RunbookStep, Sighting
from deployments.states import Source
from releases import actions
from releases.models import Environment
from tests.factories import releases
from tests.input.test_fields import error_at


def deployed(environment, person, version="1.0.0"):
    release = releases.release(environment.product, "closed", version=version)
    return Deployment.objects.create(
        release=release, candidate=release.candidate, environment=environment, created_by=person
    )


def sighted(environment, person):
    return Sighting.objects.create(
        environment=environment, version="1.0.0", at=timezone.now() - timedelta(days=1), source=Source.API
    )


def named_in_a_runbook(environment, person):
    release = releases.release(environment.product, "draft")
    runbook = Runbook.objects.create(release=release, name="Cut-over", created_by=person)
    return RunbookStep.objects.create(runbook=runbook, position=1, name="Ship", environment=environment)


def refusal_of(door, *args, **fields):
    with pytest.raises(Refused) as refusal:
        door(*args, **fields)
    return refusal.value.blockers


@pytest.fixture
def production(product):
    return product.environments.get(tier="production")


@pytest.fixture
def staging(product):
    return product.environments.get(tier="staging")


HAPPENED = [
    (deployed, "deployments"),
    (sighted, "reports from outside"),
    (named_in_a_runbook, "steps of runbooks"),
]


@pytest.mark.parametrize(("happen", "words"), HAPPENED)
def test_production_that_was_used_does_not_become_staging(manager, production, happen, words):
    happen(production, manager)

    found = refusal_of(actions.change_environment, production.pk, actor=manager, tier="staging")

    assert [(b.code, b.field) for b in found] == [("tier-settled", "tier")]
    assert found[0].message == (
        f"Production has {words} in its history, so it is settled that it is production. Add another environment instead."
    )
    assert Environment.objects.get(pk=production.pk).is_production
    assert not Event.objects.filter(name="environment.changed").exists()


@pytest.mark.parametrize(("happen", "words"), HAPPENED)
def test_staging_that_was_used_does_not_become_production(manager, production, staging, happen, words):
    happen(staging, manager)

    found = refusal_of(actions.change_environment, staging.pk, actor=manager, tier="production")

    assert [b.code for b in found] == ["tier-settled"]
    assert f"Staging has {words} in its history, so it is settled that it is not production." in found[0].message


def test_a_used_environment_may_still_be_renamed_and_move_among_the_lower_tiers(manager, production, staging):
    deployed(production, manager)
    deployed(staging, manager, "1.0.1")

    actions.change_environment(production.pk, actor=manager, name="Live", tier="production")
    actions.change_environment(staging.pk, actor=manager, tier="test")

    changes = Event.objects.filter(name="environment.changed").order_by("pk").values_list("payload", flat=True)
    assert [c["changed"] for c in changes] == [{"name": ["Production", "Live"]}, {"tier": ["staging", "test"]}]


@pytest.mark.parametrize("state", ["building", "testing", "approving", "ready", "deploying"])
def test_production_stays_while_a_release_is_on_its_way_there(product, manager, production, state):
    release = releases.release(product, state)

    changing = refusal_of(actions.change_environment, production.pk, actor=manager, tier="staging")
    removing = refusal_of(actions.remove_environment, production.pk, actor=manager)

    assert [b.code for b in (*changing, *removing)] == ["release-coming", "release-coming"]
    said = f"{release.version} is {state}: it is on its way there, so it is settled that it is production."
    assert said in changing[0].message
    assert product.environments.filter(tier="production").count() == 1


def test_a_release_on_hold_is_on_its_way_as_far_as_it_had_come(product, manager, production):
    release = releases.release(product, "testing")
    actions.take_step(release.pk, "hold", actor=manager, reason="The supplier is late.")

    found = refusal_of(actions.change_environment, production.pk, actor=manager, tier="staging")

    assert [b.code for b in found] == ["release-coming"]


@pytest.mark.parametrize("state", ["draft", "planned", "closed", "cancelled"])
def test_before_anything_ships_a_wrong_tier_is_put_right_and_told(product, manager, production, state):
    releases.release(product, state)

    actions.change_environment(production.pk, actor=manager, tier="staging")

    assert Event.objects.get(name="environment.changed").payload == {"changed": {"tier": ["production", "staging"]}}


@pytest.mark.parametrize(("happen", "words"), HAPPENED)
def test_what_was_seen_in_an_environment_is_not_removed_with_it(manager, staging, happen, words):
    kept = happen(staging, manager)

    found = refusal_of(actions.remove_environment, staging.pk, actor=manager)

    assert [b.code for b in found] == ["environment-used"]
    assert f"has {words} in its history, which stays." in found[0].message
    assert type(kept).objects.filter(pk=kept.pk).exists()


def test_what_is_removed_or_reordered_is_told_with_what_was(product, manager, production, staging):
    canary = actions.add_environment(product.pk, actor=manager, name="Canary", tier="staging")

    actions.order_environments(product.pk, [canary.pk, staging.pk, production.pk], actor=manager)
    actions.remove_environment(staging.pk, actor=manager)

    told = Event.objects.exclude(name="environment.added").order_by("pk").values_list("name", "payload")
    assert list(told) == [
        (
            "product.pipeline_ordered",
            {"order": ["canary", "staging", "production"], "was": ["staging", "canary", "production"]},
        ),
        ("environment.removed", {"name": "Staging", "tier": "staging"}),
    ]


def test_the_page_and_the_api_say_it_at_the_tier(client, product, manager, production):
    deployed(production, manager)
    client.force_login(manager)
    typed = {"do": "edit", "environment": production.pk, "name": "Production", "tier": "staging", "url": ""}

    page = client.post(reverse("releases:environments", args=[product.slug]), typed)
    told = client.patch(f"/api/v1/environments/{production.pk}/", {"tier": "staging"}, "application/json")

    assert page.status_code == 422
    assert "Production has deployments in its history" in error_at("tier", page.content.decode())
    assert (told.status_code, [(b["code"], b["field"]) for b in told.json()["blockers"]]) == (
        409,
        [("tier-settled", "tier")],
    )


def test_the_way_past_the_approval_is_closed(product, manager, production):
    """The same person may keep environments and deploy: what is in testing gets into production by no change of its tier."""
    deployed(production, manager)
    releases.release(product, "testing", version="2.0.0")

    found = refusal_of(actions.change_environment, production.pk, actor=manager, tier="staging")
    removed = refusal_of(actions.remove_environment, production.pk, actor=manager)

    assert [b.code for b in (*found, *removed)] == ["tier-settled", "environment-used"]
    assert list(product.environments.values_list("tier", flat=True)) == ["staging", "production"]
