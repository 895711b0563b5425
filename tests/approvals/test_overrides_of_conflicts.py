"""Overrides of conflicts that are no freezes, and freezes that change under a pending override."""

import re
from datetime import timedelta
from functools import partial
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals import actions
from approvals.models import FreezeOverride
from core import outbox
from core.blockers import Refused
from core.models import Delivery, Event
from deployments.actions.deployment import plan_deployment
from portal.feed import told
from releases import actions as planning
from releases import conflicts
from releases.models import DeploymentWindow, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def closed():
    """A planned release whose product's production is closed during its window, and its manager."""
    release = releases.release(state="testing")
    release.places = releases.pipeline(release.product)
    now = timezone.now()
    DeploymentWindow.objects.create(
        environment=release.places[1],
        name="Over",
        starts_at=now - 9 * DAY,
        ends_at=now - 8 * DAY,
        created_by=accounts.person(),
    )
    release.asker = accounts.person(roles=["release-manager"], on=release.product)
    return release


def about(release) -> str:
    return f"window:{release.places[1].pk}"


def ask(release, **fields) -> FreezeOverride:
    given = {"reason": "It cannot wait.", "expires_at": timezone.now() + DAY} | fields
    return actions.request_conflict_override(
        release.pk, given.pop("about", about(release)), actor=release.asker, **given
    )


def in_the_way(release) -> list[str]:
    return [b.code for b in conflicts.in_the_way(Release.objects.get(pk=release.pk))]


def test_a_closed_window_is_let_through_once_others_agree(closed):
    judge = accounts.person(roles=["change-manager"], on=closed.product)
    override = ask(closed)
    assert (override.kind, override.freeze, override.about) == ("window", None, about(closed))
    assert "not open to deployments" in override.words
    assert in_the_way(closed) == ["environment-closed"]
    actions.decide_override(override.pk, actor=judge, grant=True)
    assert in_the_way(closed) == []
    assert Event.objects.filter(name="override.granted").get().payload["freeze"] == "the deployment windows"


def test_what_needs_no_override_is_not_asked_for(closed):
    keeper = accounts.person(roles=["administrator"])
    accounts.person(roles=["change-manager"], on=closed.product)
    for severity in ("warn", "block"):
        planning.set_severity("window", severity, actor=keeper)
        with pytest.raises(Refused) as refusal:
            ask(closed)
        assert [(b.code, b.field) for b in refusal.value.blockers] == [("nothing-to-override", "about")]
    assert not FreezeOverride.objects.exists()


def test_it_is_asked_for_once(closed):
    accounts.person(roles=["change-manager"], on=closed.product)
    ask(closed)
    with pytest.raises(Refused) as refusal:
        ask(closed)
    assert [b.code for b in refusal.value.blockers] == ["override-stands"]


def test_the_page_offers_what_an_override_helps_against_and_asks(closed, client):
    accounts.person(roles=["change-manager"], on=closed.product)
    client.force_login(closed.asker)
    page = reverse("approvals:override_conflict", args=[closed.product.slug, closed.version])
    html = client.get(page, {"about": about(closed)}).content.decode()
    assert f'value="{about(closed)}"' in html
    until = timezone.localtime(timezone.now() + DAY).strftime("%Y-%m-%dT%H:%M")
    typed = {"about": about(closed), "reason": "It cannot wait.", "expires_at": until}
    assert client.post(page, typed | {"reason": ""}).status_code == 422
    assert client.post(page, typed).status_code == 302
    override = FreezeOverride.objects.get()
    html = client.get(reverse("approvals:override", args=[override.pk])).content.decode()
    assert "in spite of the deployment windows" in html
    tab = client.get(reverse("approvals:tab", args=[closed.product.slug, closed.version])).content.decode()
    assert "Outside a deployment window" in tab


def test_the_api_takes_a_freeze_or_a_conflict_and_not_both(closed, client):
    accounts.person(roles=["change-manager"], on=closed.product)
    client.force_login(closed.asker)
    body = {"release": closed.pk, "reason": "Now.", "expires_at": (timezone.now() + DAY).isoformat()}
    send = {"content_type": "application/json"}
    assert client.post("/api/v1/overrides/", body, **send).status_code == 400
    assert client.post("/api/v1/overrides/", body | {"about": about(closed), "freeze": 1}, **send).status_code == 400
    made = client.post("/api/v1/overrides/", body | {"about": about(closed)}, **send)
    assert (made.status_code, made.json()["kind"], made.json()["freeze"]) == (201, "window", None)


def test_a_freeze_that_changes_renews_the_sheet_of_a_pending_override():
    release = releases.release(state="testing")
    manager = accounts.person(roles=["release-manager"])
    accounts.person(roles=["change-manager"])
    freeze = releases.freeze()
    override = actions.request_override(
        release.pk, freeze.pk, actor=manager, reason="It cannot wait.", expires_at=timezone.now() + DAY
    )
    request = override.requests.get()
    before = request.sheets.order_by("-pk").first().digest
    planning.change_freeze(freeze.pk, actor=manager, ends_at=freeze.ends_at + DAY)
    for delivery in Delivery.objects.filter(consumer="approvals.follow_freeze"):
        outbox.deliver(delivery.pk)
    assert request.sheets.order_by("-pk").first().digest != before


def test_the_feed_asks_for_a_lifting_in_the_middle_of_a_sentence():
    release = releases.release(state="testing")
    stopper = accounts.person(roles=["release-manager"], on=release.product)
    accounts.person(roles=["change-manager"], on=release.product)
    planning.block_release(release.pk, actor=stopper, reason="Look first.")
    actions.request_lift("release", release.pk, actor=stopper, reason="It was nothing.")
    [line] = told(Event.objects.filter(name="lift.requested"))
    assert f"{line.did} {line.subject}" == f"asked for the lifting of the stop of {release}"


# Ahead: what starts and plans will meet


NOON = timedelta(hours=12)


@pytest.fixture
def opened():
    """A release under test whose staging is open for another hour, and again tomorrow; production is open at any time."""
    release = releases.release(state="testing")
    release.places = release.staging, release.production = releases.pipeline(release.product)
    now = timezone.now()
    for name, start in (("Now", now - timedelta(hours=1)), ("Tomorrow", now + DAY)):
        DeploymentWindow.objects.create(
            environment=release.staging,
            name=name,
            starts_at=start,
            ends_at=start + timedelta(hours=2),
            created_by=accounts.person(),
        )
    release.asker = accounts.person(roles=["release-manager", "deployer"], on=release.product)
    accounts.person(roles=["change-manager"], on=release.product)
    return release


def offered(release, called: str = "") -> list[str]:
    return [c.about for c in actions.conflicts_to_override(Release.objects.get(pk=release.pk), called)]


def linked(release, client, address: str):
    """The page that "Ask for an override" on a page leads to, and where that is."""
    client.force_login(release.asker)
    html = unescape(client.get(address).content.decode())
    href = re.search(r'href="([^"]+/override/[^"]*)"', html)[1]
    return href, client.get(href)


def test_a_deployment_that_is_planned_outside_its_window_is_let_through_ahead(opened):
    name = f"window:{opened.staging.pk}"
    assert offered(opened) == []
    plan_deployment(opened.pk, opened.staging.pk, actor=opened.asker, scheduled_for=timezone.now() + NOON, minutes=30)

    assert offered(opened) == [name]
    override = ask(opened, about=name, expires_at=timezone.now() + DAY)

    assert (override.about, override.kind) == (name, "window")
    assert "Staging" in override.words


def test_a_window_may_be_let_through_before_anything_is_planned_while_it_is_open(opened):
    name = f"window:{opened.staging.pk}"
    assert (offered(opened), offered(opened, name)) == ([], [name])

    assert ask(opened, about=name).about == name


@pytest.mark.parametrize("place", ["production", "nowhere"])
def test_an_environment_that_is_always_open_needs_no_override(opened, place):
    name = f"window:{opened.production.pk if place == 'production' else 0}"

    with pytest.raises(Refused) as refusal:
        ask(opened, about=name)

    assert [b.code for b in refusal.value.blockers] == ["nothing-to-override"]


def test_people_whom_another_release_needs_now_are_let_through_for_a_start_now(opened):
    planning.set_severity("people", "override", actor=accounts.person(roles=["administrator"]))
    now = timezone.now()
    Release.objects.filter(pk=opened.pk).update(
        manager=opened.asker, window_starts_at=now + 5 * DAY, window_ends_at=now + 6 * DAY
    )
    other = releases.release(state="ready")
    Release.objects.filter(pk=other.pk).update(
        manager=opened.asker, window_starts_at=now - DAY, window_ends_at=now + DAY
    )

    assert offered(opened) == [f"people:{other.pk}"]
    assert ask(opened, about=f"people:{other.pk}").kind == "people"


def test_the_link_of_the_plan_page_leads_to_a_form_with_the_conflict_chosen(opened, client):
    at = timezone.localtime(timezone.now() + NOON).strftime("%Y-%m-%dT%H:%M")
    plan = reverse("deployments:plan", args=[opened.product.slug, opened.version, "staging"])
    address = f"{plan}?show=outlook&scheduled_for={at}&minutes=30"
    client.defaults["HTTP_HX_REQUEST"] = "true"
    href, page = linked(opened, client, address)

    chosen = re.search(rf'<input[^>]*value="window:{opened.staging.pk}"[^>]*>', page.content.decode())[0]
    assert "checked" in chosen
    until = timezone.localtime(timezone.now() + DAY).strftime("%Y-%m-%dT%H:%M")
    typed = {"about": f"window:{opened.staging.pk}", "reason": "It cannot wait.", "expires_at": until}
    assert client.post(href, typed).status_code == 302
    assert FreezeOverride.objects.get().about == f"window:{opened.staging.pk}"


def test_the_link_about_a_freeze_of_staging_leads_to_a_form_that_offers_it(opened, client):
    at = timezone.now() + 3 * DAY
    freeze = releases.freeze(tiers=["staging"], starts_at=at - DAY, ends_at=at + DAY)
    plan = reverse("deployments:plan", args=[opened.product.slug, opened.version, "staging"])
    when = timezone.localtime(at).strftime("%Y-%m-%dT%H:%M")
    client.defaults["HTTP_HX_REQUEST"] = "true"
    planning.set_severity("window", "warn", actor=accounts.person(roles=["administrator"]))

    _href, page = linked(opened, client, f"{plan}?show=outlook&scheduled_for={when}&minutes=30")

    assert f'value="{freeze.pk}"' in page.content.decode()
    assert "No freeze in the way" not in page.content.decode()


@pytest.mark.parametrize("called", ["", "window:0"])
def test_what_may_be_let_through_costs_the_same_however_many_places_and_plans_there_are(opened, called):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            actions.conflicts_to_override(Release.objects.get(pk=opened.pk), called)
        return len(queries)

    plan = partial(plan_deployment, opened.pk, actor=opened.asker, minutes=30)
    plan(opened.staging.pk, scheduled_for=timezone.now() + NOON)
    few = asked()
    rows = [{"name": f"Place {n}", "slug": f"place-{n}", "position": n} for n in (5, 6)]
    more = [opened.product.environments.create(tier="staging", **row) for row in rows]
    for number, place in enumerate([opened.staging, *more]):
        plan(place.pk, scheduled_for=timezone.now() + DAY + number * timedelta(hours=1))

    assert asked() == few
