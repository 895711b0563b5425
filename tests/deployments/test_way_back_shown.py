"""What approvers and deployers are told of the way back: the calls, how fresh the rehearsal is, where there is no return."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from deployments import around, way_back
from deployments.models import Deployment, Hook, RunbookStep
from releases.models import Environment, Product, Release
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(db) -> Release:
    """Two calls are made for a rollback of production; 4.7.0 was verified there before, 4.8.0 runs in staging."""
    product = releases.product("Payments")
    releases.pipeline(product)
    made = releases.release(product, "ready", version="4.8.0")
    production = made.product.environments.get(tier="production")
    shipping.verified(production, "4.7.0")
    for number, name in enumerate(["Point traffic back", "Restore the schema"]):
        shipping.hook(production, name=name, on="rollback", position=number, timeout_s=90)
    return made


def notes(release: Release) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list] = {}
    for note in around.way_back_notes(Release.objects.get(pk=release.pk)):
        found.setdefault(note.topic, []).append((note.text, note.tone))
    return found


def staging(release: Release) -> Environment:
    return release.product.environments.exclude(tier="production").order_by("-position").first()


def rehearsed(release: Release, state: str = "succeeded", **fields) -> Deployment:
    """A rollback that was tried before production, by the way as it is now."""
    place = staging(release)
    undone = shipping.deployment(release, place, "rolled_back")
    digest = way_back.digest(release, place)
    facts = {"kind": "rollback", "rolls_back": undone, "is_rehearsal": True, "way_back_digest": digest}
    return shipping.deployment(release, place, state, **(facts | fields))


def demand(release: Release) -> None:
    Product.objects.filter(pk=release.product_id).update(rehearsed_strategies=[release.strategy])


def test_the_calls_of_a_rollback_are_told_in_their_order_with_their_tools(release):
    [(said, tone)] = notes(release)["Rollback calls"]
    assert said == (
        f"Production goes from {release.candidate.version} to 4.7.0-rc.1 by 1. Point traffic back (Command, at most 1 min 30 s) "
        "and 2. Restore the schema (Command, at most 1 min 30 s)."
    )
    assert tone == "info"


def test_another_order_of_the_calls_is_told_as_another_order(release):
    Hook.objects.filter(name="Restore the schema").update(position=0)
    Hook.objects.filter(name="Point traffic back").update(position=1)
    [(said, _)] = notes(release)["Rollback calls"]
    assert said.index("1. Restore the schema") < said.index("2. Point traffic back")


def test_that_the_earlier_candidate_is_only_deployed_again_is_said(release):
    Hook.objects.update(on="deploy")
    [(said, _)] = notes(release)["Rollback calls"]
    assert said.endswith("No hook is made for a rollback there: the earlier candidate is deployed again.")


def test_a_rollback_that_would_call_nothing_is_told_in_red(release):
    Hook.objects.update(is_active=False)
    assert notes(release)["Rollback calls"] == [("Nothing would be called: Production has no active hook.", "bad")]


def test_a_first_release_has_nothing_to_go_back_to(release):
    Deployment.objects.all().delete()
    [(said, tone)] = notes(release)["Rollback calls"]
    assert (said, tone) == (
        "Nothing was verified in Production before, so there is no candidate to go back to.",
        "warn",
    )


@pytest.mark.parametrize(
    ("demanded", "said", "tone"), [(True, "asks for it before", "bad"), (False, "does not ask for it", "warn")]
)
def test_a_missing_rehearsal_weighs_more_where_the_product_asks_for_one(release, demanded, said, tone):
    if demanded:
        demand(release)
    [(text, shown)] = notes(release)["Rehearsal"]
    assert said in text
    assert shown == tone


def test_a_fresh_rehearsal_says_until_when_it_holds(release):
    rehearsed(release)
    [(text, tone)] = notes(release)["Rehearsal"]
    assert text.startswith("This way back was rehearsed ")
    assert "; that holds until " in text
    assert tone == "ok"


def test_a_rehearsal_of_other_calls_is_stale(release):
    rehearsed(release)
    Hook.objects.filter(name="Restore the schema").update(timeout_s=91)
    [(text, tone)] = notes(release)["Rehearsal"]
    assert text.startswith("The way back has changed since it was rehearsed ")
    assert tone == "warn"


def test_a_rehearsal_is_too_old_at_the_end_of_its_days(release):
    days = timedelta(days=release.product.rehearsal_days)
    rehearsed(release, verified_at=timezone.now() - days - timedelta(minutes=1))
    [(text, _)] = notes(release)["Rehearsal"]
    assert "is too old: it held until" in text


@pytest.mark.parametrize(
    ("state", "text", "tone"),
    [("running", "It is being rehearsed in ", "info"), ("failed", "The rehearsal in ", "bad")],
)
def test_a_rehearsal_under_way_or_failed_says_so(release, state, text, tone):
    rehearsed(release, state)
    [(said, shown)] = notes(release)["Rehearsal"]
    assert said.startswith(text)
    assert shown == tone


def mark_step(release: Release, name: str, runbook: str = "Cut-over", **fields) -> RunbookStep:
    book, _ = release.runbooks.get_or_create(name=runbook, defaults={"created_by": accounts.person()})
    return RunbookStep.objects.create(runbook=book, position=1, name=name, point_of_no_return=True, **fields)


def test_points_of_no_return_ahead_and_crossed_are_told_apart(release):
    mark_step(release, "Drop the old table")
    crossed = mark_step(release, "Switch refunds on", ended_at=timezone.now())
    releases.put_in_state(crossed, "done")
    (ahead, ahead_tone), (done, done_tone) = sorted(notes(release)["No return"])
    assert ahead == "“Drop the old table”, a step of the runbook: once it is done, there is no way back."
    assert done.startswith("“Switch refunds on” was done ")
    assert (ahead_tone, done_tone) == ("warn", "bad")


def test_only_decisions_on_a_release_show_how_it_would_be_undone(release):
    from approvals import around as decisions

    reader = accounts.person(roles=["qa-approver"], on=release.product)
    asked = approvals.request(release)
    of_waiver = approvals.request(approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested"))
    assert "Rollback calls" in {note.topic for note in decisions.of(asked, reader)}
    assert "Rollback calls" not in {note.topic for note in decisions.of(of_waiver, reader)}


def test_the_notes_cost_as_much_for_many_calls_runbooks_and_tries_as_for_one(release):
    def asked() -> int:
        fresh = Release.objects.select_related("product", "candidate").get(pk=release.pk)
        with CaptureQueriesContext(connection) as queries:
            around.way_back_notes(fresh)
        return len(queries)

    production = release.product.environments.get(tier="production")
    mark_step(release, "One")
    rehearsed(release)
    one = asked()
    for number in range(4):
        mark_step(release, f"Step {number}", f"Night {number}")
        shipping.hook(production, on="rollback")
        rehearsed(release)
    assert asked() == one


def test_the_deployments_tab_shows_freshness_and_the_point_of_no_return(release, client):
    rehearsed(release)
    mark_step(release, "Drop the old table")
    client.force_login(accounts.person(roles=["deployer"], on=release.product))
    page = client.get(f"/r/{release.product.slug}/{release.version}/deployments/").content.decode()
    shown = page[page.index('id="way-back"') :]
    assert "Rehearsed " in shown
    assert "It holds until " in shown
    assert "“Drop the old table”" in shown


def told(release: Release) -> dict:
    client = APIClient()
    client.force_authenticate(accounts.person(roles=["deployer"], on=release.product))
    return client.get(f"/api/v1/ways-back/{release.pk}/").json()


def test_the_api_tells_the_calls_and_that_nobody_rehearsed_them(release):
    demand(release)

    said = told(release)

    assert said["rehearsal"] == {
        "is_demanded": True,
        "is_fresh": False,
        "is_same": False,
        "deployment": None,
        "verified_at": None,
        "holds_until": None,
        "tried": None,
        "skipped": "",
    }
    [way] = said["production"]
    assert (way["environment"], way["version_to"]) == ("production", "4.7.0-rc.1")
    assert (way["calls"], way["deploys_again"]) == (["Point traffic back", "Restore the schema"], False)


def test_the_api_tells_how_fresh_the_rehearsal_is_and_where_there_is_no_return(release):
    made = rehearsed(release)
    mark_step(release, "Drop the old table")

    said = told(release)

    fresh = said["rehearsal"]
    assert (fresh["is_demanded"], fresh["is_fresh"], fresh["deployment"], fresh["tried"]) == (
        False,
        True,
        made.pk,
        made.pk,
    )
    until = made.verified_at + timedelta(days=release.product.rehearsal_days)
    assert datetime.fromisoformat(fresh["holds_until"]) == until
    [way] = said["production"]
    assert way["no_return"] == [{"name": "Drop the old table", "what": "step of the runbook", "crossed_at": None}]


def test_the_api_tells_the_way_back_of_no_release_out_of_sight(release):
    client = APIClient()
    client.force_authenticate(accounts.person("outsider"))
    assert client.get(f"/api/v1/ways-back/{release.pk}/").status_code == 404
