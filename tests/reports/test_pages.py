"""The reports pages, their CSV, and the API beside them."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from core.events import record
from releases.models import Change
from reports.catalogue import CHANGE_SUCCESS, MEASURES, difference, finding, headline
from reports.figures import Figure
from reports.views import safe_cell
from tests.factories import accounts, deployments, releases

pytestmark = pytest.mark.django_db
EVERY = [*MEASURES, CHANGE_SUCCESS]


@pytest.fixture
def stakeholder(db):
    return accounts.person("sam", roles=["stakeholder"])


@pytest.fixture
def signed_in(client, stakeholder):
    client.force_login(stakeholder)
    return client


@pytest.fixture
def shop(db):
    made = releases.product(name="Shop", slug="shop")
    made.staging, made.production = releases.pipeline(made)
    return made


def ship(shop, days_ago: float, state: str = "succeeded", *, version: str = "", **fields):
    """A deployment to production that took ten minutes, with one change built a day before it."""
    end = timezone.now() - timedelta(days=days_ago)
    release = releases.release(shop, "closed", **({"version": version} if version else {}), **fields)
    change = releases.change(shop, release, "done", created_at=end - timedelta(days=2))
    Change.objects.filter(pk=change.pk).update(state_since=end)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE releases_candidate SET added_at = %s WHERE id = %s", [end - timedelta(days=1), release.candidate_id]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    return deployments.deployment(
        release, shop.production, state, started_at=end - timedelta(minutes=10), ended_at=end,
        verified_at=end if state == "succeeded" else None,
    )  # fmt: skip


def body(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_without_a_deployment_every_measure_says_so(signed_in):
    html = body(signed_in.get("/reports/"))

    assert "Nothing reached production in this period" in html
    assert html.count("no data") >= 5
    assert "No production deployment yet" in html


def test_every_figure_carries_its_n(signed_in, shop):
    ship(shop, 3)
    ship(shop, 2, "failed")

    html = body(signed_in.get("/reports/"))

    assert "1 of 2 deployments failed" in html
    assert "n = 2" in html
    assert "One change took 1 day" in html
    assert "No failure is recovered yet" in html


@pytest.mark.parametrize("metric", EVERY)
def test_each_measure_has_its_page_with_definition_and_rows(signed_in, shop, metric):
    shipped = ship(shop, 3, version="4.8.0")
    ship(shop, 2, "failed")

    html = body(signed_in.get(f"/reports/{metric}/"))

    if metric in MEASURES:
        assert MEASURES[metric].definition.split(".")[0] in html
    else:
        assert shipped.release.changes.get().key in html


@pytest.mark.parametrize("path", ["/reports/nonsense/", "/reports/nonsense.csv", "/reports/?product=nonsense"])
def test_what_there_is_not_is_not_found(signed_in, path):
    assert signed_in.get(path).status_code == 404


def test_a_period_that_is_not_offered_is_the_usual_one(signed_in):
    assert "Last 90 days" in body(signed_in.get("/reports/?period=7' OR 1=1"))


def test_the_period_and_the_product_cut_the_figures(signed_in, shop):
    ship(shop, 3)
    ship(shop, 40)
    bank = releases.product(name="Bank", slug="bank")
    _, bank.production = releases.pipeline(bank)
    ship(bank, 5)

    def count(query: str) -> int:
        return len(list(csv.reader(io.StringIO(body(signed_in.get(f"/reports/deployment-frequency.csv{query}")))))) - 1

    assert count("?period=90") == 3
    assert count("?period=30") == 2
    assert count("?period=30&product=shop") == 1


def test_nobody_sees_figures_of_products_out_of_sight(client, shop):
    ship(shop, 3, version="7.7.7")
    client.force_login(accounts.person(roles=["stakeholder"], on=releases.product()))

    assert "7.7.7" not in body(client.get("/reports/deployment-frequency/"))
    assert "7.7.7" not in body(client.get("/reports/deployment-frequency.csv"))
    assert client.get("/reports/?product=shop").status_code == 404


@pytest.mark.parametrize("metric", EVERY)
def test_the_csv_holds_the_rows_and_no_formula(signed_in, metric):
    evil = releases.product(name="=HYPERLINK(1)", slug="evil")
    evil.staging, evil.production = releases.pipeline(evil)
    ship(evil, 3)
    ship(evil, 2, "failed")

    response = signed_in.get(f"/reports/{metric}.csv")

    rows = list(csv.reader(io.StringIO(body(response))))
    assert response["Content-Disposition"] == f'attachment; filename="slipway-{metric}.csv"'
    assert len(rows) >= 2
    assert len({len(row) for row in rows}) == 1
    assert all("'=HYPERLINK(1)" in row for row in rows[1:])


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), (" =1", "' =1"),
        ("\r=1", "'\r=1"), ("plain", "plain"), (-5, "-5"), (None, ""), ("", ""),
    ],
)  # fmt: skip
def test_cells_that_a_spreadsheet_would_run_are_text(value, cell):
    assert safe_cell(value) == cell


def test_the_reports_ask_as_much_for_many_deployments_as_for_few(signed_in, shop):
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(path).status_code == 200
        return len(captured)

    paths = ["/reports/", "/reports/change-lead-time/", "/reports/change-fail-rate/", "/reports/change-success/"]
    ship(shop, 3)
    ship(shop, 3, "failed")
    queries("/reports/")
    few = [queries(path) for path in paths]
    for n in range(6):
        ship(shop, n + 4, "failed" if n % 2 else "succeeded")

    assert [queries(path) for path in paths] == few


def figure(value, n=3, **fields) -> Figure:
    return Figure(value, n, **fields)


def test_a_difference_is_good_or_bad_by_the_measure():
    frequency, fail_rate = MEASURES["deployment-frequency"], MEASURES["change-fail-rate"]

    assert difference(frequency, figure(3.0), figure(2.0))[:3] == ("ok", "up", "1.0 more often")
    assert difference(fail_rate, figure(0.3), figure(0.1))[:3] == ("bad", "up", "20.0 points higher")
    assert difference(fail_rate, figure(None), figure(0.1)) is None
    assert difference(fail_rate, figure(0.1), figure(0.1))[0] == "mute"
    lead = MEASURES["change-lead-time"]
    assert difference(lead, figure(timedelta(hours=1)), figure(timedelta(hours=3)))[:3] == ("ok", "down", "2 h faster")


def test_the_headline_names_what_got_better_and_what_got_worse():
    frequency, fail_rate = MEASURES["deployment-frequency"], MEASURES["change-fail-rate"]
    better, worse = (frequency, figure(3.0), figure(2.0)), (fail_rate, figure(0.3), figure(0.1))

    assert headline([better, worse]) == "Deployment frequency better, change fail rate worse"
    assert headline([worse]) == "Change fail rate worse"
    assert headline([(frequency, figure(1.0), figure(None))]) == finding(frequency, figure(1.0))
    assert headline([(frequency, figure(None), figure(1.0))]) == "Nothing reached production in this period"


def test_a_finding_claims_no_more_than_its_rows():
    recovery = MEASURES["failed-deployment-recovery-time"]

    assert finding(recovery, figure(None, 0)) == "No deployment failed in this period"
    assert finding(recovery, figure(None, 0, rows=(1,))) == "No failure is recovered yet"
    assert finding(recovery, figure(timedelta(minutes=5), 1)) == "One failure was over in 5 min"


# The API


def get(user, path: str, **params):
    api = APIClient()
    api.force_authenticate(user)
    return api.get(f"/api/v1/{path}/", params)


def test_the_api_gives_the_same_figures_as_the_page(stakeholder, shop):
    ship(shop, 3)
    ship(shop, 2, "failed")

    answer = get(stakeholder, "reports").json()
    one = get(stakeholder, "reports/change-fail-rate", period="30").json()

    assert [row["metric"] for row in answer] == list(MEASURES)
    assert (one["value"], one["unit"], one["n"]) == (0.5, "ratio", 2)
    lead = next(row for row in answer if row["metric"] == "change-lead-time")
    assert (lead["value"], lead["unit"]) == (86400.0, "seconds")
    assert get(stakeholder, "reports/nonsense").status_code == 404
    assert APIClient().get("/api/v1/reports/").status_code in (401, 403)


def test_the_api_gives_events_by_the_rights_of_the_page(stakeholder, shop):
    release = releases.release(shop)
    other = releases.release()
    for one in (release, other):
        with transaction.atomic():
            record("release.commented", one, actor=stakeholder, text="Hm")
    tester = accounts.person(roles=["tester"], on=shop)

    rows = get(tester, "events").json()["results"]

    assert [row["stream"] for row in rows] == [f"release:{release.pk}"]
    assert rows[0]["digest"]
    assert get(stakeholder, "events").status_code == 403
    auditor = accounts.person(roles=["auditor"])
    assert len(get(auditor, "events").json()["results"]) == 2
    assert len(get(auditor, "events", stream=f"release:{other.pk}").json()["results"]) == 1
    assert get(auditor, "events", name="deployment").json()["results"] == []


def test_the_api_never_changes_an_event(shop):
    auditor = accounts.person(roles=["auditor", "administrator"])
    api = APIClient()
    api.force_authenticate(auditor)
    with transaction.atomic():
        event = record("release.commented", releases.release(shop), actor=auditor, text="Hm")

    for method in (api.put, api.patch, api.delete):
        assert method(f"/api/v1/events/{event.pk}/", {}).status_code == 405
    assert api.post("/api/v1/events/", {}).status_code == 405
    assert json.loads(api.get(f"/api/v1/events/{event.pk}/").content)["payload"] == {"text": "Hm"}
