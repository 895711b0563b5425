"""Which version is where: the matrix, its filters and exports, and the past of one environment."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.models import Health
from tests.factories import accounts, approvals, deployments, releases

pytestmark = pytest.mark.django_db
PAGE = "/environments/"
LIVE = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "places"}


@pytest.fixture
def shop():
    """Shop runs 1.0.0 in production and 1.1.0, whose approval is asked for, in staging."""
    shop = releases.product(name="Shop", slug="shop")
    staging, production = releases.pipeline(shop)
    deployments.deployment(releases.release(shop, "closed", version="1.0.0"), production, "succeeded")
    new = releases.release(shop, "approving", version="1.1.0")
    for _ in range(2):
        releases.change(shop, new, "approved")
    deployments.deployment(new, staging, "succeeded")
    shop.asked = approvals.request(new)
    shop.new, shop.staging, shop.production = new, staging, production
    return shop


def test_the_matrix_tells_versions_drift_and_what_waits_for_approval(shop, manager, text):
    html = text(manager, PAGE)

    assert "1.0.0" in html
    assert "1.1.0-rc.1" in html
    assert "2 changes ahead" in html
    assert "1.1.0-rc.1 waits for approval" in html
    assert f"/inbox/{shop.asked.pk}/" in html


def test_approval_waits_at_production_only_while_its_candidate_runs_in_the_environment_before(shop, manager, text):
    deployments.deployment(releases.release(shop, "testing", version="1.2.0"), shop.staging, "succeeded")

    assert "waits for approval" not in text(manager, PAGE)


def test_what_came_from_outside_says_so_and_leads_to_its_change(shop, manager, text):
    change = releases.change(shop, None, "approved")
    deployments.sighting(shop.production, version="9.9.9", change=change)

    html = text(manager, PAGE)

    assert "9.9.9" in html
    assert f"From outside, {change.key}" in html
    assert change.get_absolute_url() in html
    assert "1 environment runs what came from outside" in html


def test_a_removed_service_leaves_nothing(shop, manager, text):
    deployments.sighting(shop.production, version="")

    html = text(manager, PAGE)

    assert "nothing, removed" in html
    assert ">1.0.0<" not in html.partition('id="places"')[2].partition("</table>")[0]


def test_blocks_freezes_and_health_are_words_and_not_colours_alone(shop, manager, text):
    type(shop.staging).objects.filter(pk=shop.staging.pk).update(blocked_reason="Disk is full")
    releases.freeze(starts_at=timezone.now() - timedelta(days=1), ends_at=timezone.now() + timedelta(days=1))
    Health.objects.create(environment=shop.production, ok=False, detail="No answer")
    Health.objects.create(environment=shop.staging, ok=None)

    html = text(manager, PAGE)

    assert "Blocked: Disk is full" in html
    assert "Frozen" in html
    assert html.count("Not well") == 1
    assert "Well<" not in html


def test_filters_keep_a_tier_a_team_or_only_what_drifts(shop, manager, text):
    bank = releases.product(name="Bank", slug="bank")
    _staging, production = releases.pipeline(bank)
    deployments.deployment(releases.release(bank, "closed", version="7.0.0"), production, "succeeded")
    crew = accounts.team("Crew")
    accounts.hold(crew, "deployer", bank)

    def rows(query):
        return text(manager, PAGE + query, **LIVE)

    assert "7.0.0" in rows("")
    assert "7.0.0" not in rows("?drift=1")
    assert "1.1.0-rc.1" in rows("?drift=1")
    assert "2 changes ahead" not in rows("?tier=production")
    assert "1.1.0-rc.1" not in rows(f"?team={crew.slug}")
    assert "7.0.0" in rows(f"?team={crew.slug}")


def test_a_filter_without_a_hit_says_how_many_products_it_hides(shop, manager, text):
    assert "1 product is hidden" in text(manager, PAGE + "?tier=development")


def test_a_look_that_finds_nothing_new_is_answered_with_nothing(shop, manager, fetch):
    page = fetch(manager, PAGE)
    address = page.content.decode().partition('hx-get="/environments/?seen=')[2][:16]

    assert fetch(manager, f"{PAGE}?seen={address}", **LIVE).status_code == 204

    deployments.sighting(shop.production, version="9.9.9")
    fresh = fetch(manager, f"{PAGE}?seen={address}", **LIVE)
    assert fresh.status_code == 200
    assert "9.9.9" in fresh.content.decode()
    assert "<html" not in fresh.content.decode()


def test_only_products_in_sight_are_shown(shop, fetch, text):
    bank = releases.product(name="Bank", slug="bank")
    releases.pipeline(bank)
    reader = accounts.person("clara", roles=["tester"], on=bank)

    html = text(reader, PAGE)

    assert "Bank" in html
    assert "Shop" not in html
    assert fetch(reader, f"{PAGE}shop/production/").status_code == 404
    assert "shop" not in fetch(reader, f"{PAGE}environments.csv").content.decode()


def test_the_csv_has_a_row_for_each_environment_and_runs_no_formula(shop, manager, fetch):
    deployments.sighting(shop.production, version="=1+1")

    answer = fetch(manager, f"{PAGE}environments.csv")
    rows = {row["environment"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}

    assert set(rows) == {"staging", "production"}
    assert rows["staging"]["version"] == "1.1.0-rc.1"
    assert (rows["staging"]["changes_ahead_of_production"], rows["staging"]["by"]) == ("", "deployment")
    assert (rows["production"]["version"], rows["production"]["by"]) == ("'=1+1", "sighting")
    assert rows["production"]["waits_for_approval"] == "1.1.0"


def test_the_past_of_an_environment_holds_deployments_and_sightings_in_one_order(shop, manager, text):
    deployments.deployment(releases.release(shop, "testing", version="1.0.5"), shop.production, "planned")
    deployments.sighting(shop.production, version="9.9.9")

    html = text(manager, f"{PAGE}shop/production/")
    past = html.partition('id="history"')[2]

    assert past.index("9.9.9") < past.index("1.0.0-rc.1")
    assert "1.0.5" not in past
    assert past.count("Runs now") == 1
    assert past.index("Runs now") < past.index("1.0.0-rc.1")
    assert "It got there without Slipway" in html


def test_the_past_of_an_environment_comes_in_pages(shop, manager, text):
    for number in range(31):
        deployments.sighting(shop.production, version=f"9.0.{number}")

    first, second = (text(manager, f"{PAGE}shop/production/?page={n}") for n in (1, 2))

    assert "9.0.30" in first
    assert "1.0.0-rc.1" not in first.partition('id="history"')[2]
    assert "1.0.0-rc.1" in second.partition('id="history"')[2]


def grow(products: int) -> None:
    for _ in range(products):
        product = releases.product()
        staging, production = releases.pipeline(product)
        release = releases.release(product, "approving")
        approvals.request(release)
        deployments.deployment(release, staging, "succeeded")
        deployments.sighting(production, version="9.9.9", change=releases.change(product, None, "approved"))
        Health.objects.create(environment=production, ok=True)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}environments.csv"])
def test_the_matrix_asks_as_much_for_thirty_products_as_for_two(path, manager, fetch):
    grow(2)
    fetch(manager, path)
    with CaptureQueriesContext(connection) as few:
        fetch(manager, path)
    grow(28)
    with CaptureQueriesContext(connection) as many:
        fetch(manager, path)

    assert len(many) == len(few)


def test_the_past_asks_as_much_for_thirty_entries_as_for_two(shop, manager, fetch):
    path = f"{PAGE}shop/production/"
    deployments.sighting(shop.production, version="9.9.9", change=releases.change(shop, None, "approved"))
    fetch(manager, path)
    with CaptureQueriesContext(connection) as few:
        fetch(manager, path)
    for number in range(14):
        release = releases.release(shop, "closed", version=f"1.0.{number + 1}")
        deployments.deployment(release, shop.production, "succeeded")
        deployments.sighting(shop.production, version=f"9.1.{number}", change=releases.change(shop, None, "approved"))
    with CaptureQueriesContext(connection) as many:
        fetch(manager, path)

    assert len(many) == len(few)


def test_the_pages_of_environments_are_in_the_navigation_of_everybody(shop, stakeholder, text):
    assert f'href="{PAGE}"' in text(stakeholder, "/")
