"""The pages of an environment's verification, and what the page of a deployment shows of it."""

import pytest
from django.urls import reverse

from deployments.models import Check, Statement
from deployments.sampled import Sampled
from releases.models import Environment
from tests.deployments.conftest import fresh, turn
from tests.deployments.counterpart import Counterpart
from tests.factories import accounts
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
QUERY = {"address": "http://p.example.org:9090", "query": "errors", "operator": "<", "threshold": 1.5}


@pytest.fixture
def keeper(client, place):
    client.force_login(accounts.person("kim", roles=["release-manager"], on=place.product))
    return client


def at(name, *args) -> str:
    return reverse(f"deployments:{name}", args=args)


def page(client, address) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


HERE = ("payments", "staging")


def test_the_page_lists_every_check_with_what_it_asks(keeper, place):
    shipping.check(place.staging, "prometheus", name="Errors", config=QUERY)
    shipping.check(place.staging, name="Ready", is_active=False)
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})

    text = page(keeper, at("verification", *HERE))

    for words in ("Health", "p.example.org:9090: errors is below 1.5", "/ready answers 200", "Switched off", "Smoke"):
        assert words in text
    assert "Try it now" in text


def test_the_hooks_say_how_it_is_proven_with_an_address_by_checks_or_by_nothing_but_their_word(keeper, place):
    Environment.objects.filter(pk=place.staging.pk).update(url="")
    hooks = at("hooks", "payments")

    assert "Nothing is asked afterwards, neither an address nor a check" in page(keeper, hooks)

    shipping.check(place.staging, "prometheus", name="Errors", config=QUERY)
    shipping.check(place.staging, name="Ready", is_active=False)
    shipping.hook(place.staging, name="Smoke", on="verify", driver="tool", config={"does": "smoke"})

    assert "Verified by 2 checks, steady for " in page(keeper, hooks)


def test_who_keeps_nothing_reads_it_and_is_refused_the_rest(client, place):
    check = shipping.check(place.staging, name="Ready")
    client.force_login(place.stakeholder)

    text = page(client, at("verification", *HERE))

    assert "Ready" in text
    assert "Try it now" not in text
    assert 'name="steady_s"' not in text
    assert client.post(at("verification", *HERE), {}).status_code == 403
    assert client.post(at("checks_try", *HERE)).status_code == 403
    assert client.get(at("check_new", *HERE, "http")).status_code == 403
    assert client.get(at("check", "payments", check.pk)).status_code == 403
    assert client.post(at("check_remove", "payments", check.pk)).status_code == 403
    client.force_login(accounts.person("eve"))
    assert client.get(at("verification", *HERE)).status_code == 404


def test_a_check_is_added_changed_moved_and_removed_by_forms(keeper, place):
    fields = {"name": "Errors", "is_active": "on", "secret": "s3cret-token"} | {
        f"config.{name}": value for name, value in QUERY.items()
    }
    answer = keeper.post(at("check_new", *HERE, "prometheus"), fields)
    assert answer.status_code == 302, answer.content.decode()
    check = Check.objects.get()
    assert (check.config, check.secret) == (QUERY | {"empty_is_ok": False}, "s3cret-token")
    form = page(keeper, at("check", "payments", check.pk))
    assert "s3cret-token" not in form
    assert "One is set. Type to replace it." in form

    other = shipping.check(place.staging, name="Ready", position=1)
    keeper.post(at("check_move", "payments", other.pk, "up"))
    assert list(place.staging.checks.values_list("name", flat=True)) == ["Ready", "Errors"]
    keeper.post(at("check", "payments", check.pk), fields | {"secret": "", "forget_secret": "on", "name": "Error rate"})
    assert (fresh(check).name, fresh(check).secret) == ("Error rate", "")
    assert "Remove Error rate?" in page(keeper, at("check_remove", "payments", check.pk))
    keeper.post(at("check_remove", "payments", check.pk))
    assert list(place.staging.checks.values_list("name", flat=True)) == ["Ready"]


def test_a_refused_check_keeps_what_was_typed_and_says_why_at_the_field(keeper, place):
    fields = {"name": "Gate", "is_active": "on", "config.url": "ftp://gate.example.org"}

    answer = keeper.post(at("check_new", *HERE, "external"), fields)

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "ftp://gate.example.org" in text
    assert "The address must begin with http:// or https:// and name a host." in text
    assert "Give the signing secret." in text
    assert keeper.get(at("check_new", *HERE, "guess")).status_code == 404


def test_times_that_cannot_be_met_stay_in_the_form(keeper, place):
    times = {"path": "/health", "version_path": "", "delay_s": 0, "interval_s": 2, "steady_s": 90, "timeout_s": 60}
    answer = keeper.post(at("verification", *HERE), times)
    assert answer.status_code == 422
    assert "Give more time." in answer.content.decode()
    assert 'value="90"' in answer.content.decode()


def test_trying_shows_what_each_check_says(keeper, place):
    with Counterpart() as server:
        place.staging.url = server.url
        place.staging.save()
        server.answers |= {"/health": (200, b""), "/ready": (503, b"warming up")}
        shipping.check(place.staging, name="Ready")

        text = keeper.post(at("checks_try", *HERE)).content.decode()

    assert "Answered 503, expected 200: warming up" in text
    assert "none was ever verified here" in text
    assert "Nothing of this was kept." in text


@pytest.mark.parametrize("checks", [2, 12])
def test_the_page_costs_the_same_however_many_checks_there_are(keeper, place, django_assert_max_num_queries, checks):
    for number in range(checks):
        shipping.check(place.staging, name=f"Check no. {number}")
    with django_assert_max_num_queries(22):
        keeper.get(at("verification", *HERE))


def results(ok, value) -> list[dict]:
    detail = f"{value}, must be below 1.5."
    health = {
        "check": "Health",
        "kind": "health",
        "ok": True,
        "detail": "Answered 200.",
        "value": None,
        "elapsed_ms": 9,
    }
    return [
        health,
        {"check": "Errors", "kind": "prometheus", "ok": ok, "detail": detail, "value": value, "elapsed_ms": 3},
    ]


def sampled(place, count=3):
    deployment = shipping.deployment(place.release, place.staging, "succeeded")
    shipping.check(place.staging, "prometheus", name="Errors", config=QUERY)
    for number in range(count):
        value = 0.25 * number
        shipping.sample(deployment, value < 1.5, results=results(value < 1.5, value))
    return deployment


def test_the_page_of_a_deployment_shows_checks_by_looks_and_the_figures_with_their_bound(keeper, place):
    deployment = sampled(place, count=8)

    text = page(keeper, at("deployment", deployment.pk))

    assert "8 newest of 8 looks" in text
    assert "1.75, must be below 1.5." in text
    assert 'aria-label="Errors over the looks, must be below 1.5"' in text
    assert "<polyline" in text
    assert 'style="' not in text


@pytest.mark.parametrize("count", [2, 40])
def test_the_page_of_a_deployment_costs_the_same_however_often_it_was_looked(
    keeper, place, django_assert_max_num_queries, count
):
    deployment = sampled(place, count)
    with django_assert_max_num_queries(36):
        keeper.get(at("deployment", deployment.pk))


def test_only_the_samples_of_the_newest_verification_stand_side_by_side(place):
    deployment = sampled(place, count=2)
    later = deployment.started_at
    shipping.sample(deployment, since=later, results=results(True, 1.0))

    shown = Sampled(list(deployment.samples.order_by("pk")), list)

    assert [(row.name, len(row.cells)) for row in shown.rows] == [("Health", 1), ("Errors", 1)]
    assert shown.figures[0].values == [1.0]
    assert shown.figures[0].bound is None
    assert not shown.figures[0].can_be_drawn


def test_a_check_that_has_not_answered_yet_is_shown_as_being_asked(place):
    deployment = sampled(place, count=1)
    shipping.sample(deployment, False, is_open=True, results=results(True, 1.0)[:1])

    rows = {row.name: row.last.word for row in Sampled(list(deployment.samples.order_by("pk")), list).rows}

    assert rows == {"Health": "Well", "Errors": "Being asked"}


def test_a_person_says_on_the_page_whether_it_is_well(client, place, tool):
    shipping.check(place.staging, "manual", name="Sign-in", config={"question": "Sign in and pay one cent."})
    deployment = place.into_staging()
    turn(6)
    client.force_login(place.stakeholder)
    text = page(client, at("deployment", deployment.pk))
    assert "Sign in and pay one cent." in text
    assert "It is well</button>" not in text
    assert client.post(at("state_check", deployment.pk), {"check": "Sign-in", "ok": "yes"}).status_code == 403

    client.force_login(place.deployer)
    assert "It is not well</button>" in page(client, at("deployment", deployment.pk))
    assert client.post(at("state_check", deployment.pk), {"check": "Sign-in", "ok": "no"}).status_code == 409
    assert client.post(at("state_check", deployment.pk), {"check": "Sign-in", "ok": "yes"}).status_code == 302
    turn()

    assert Statement.objects.get().ok is True
    assert fresh(deployment).state == "succeeded"
    assert "Is it well?" not in page(client, at("deployment", deployment.pk)).split('id="says"')[0]
