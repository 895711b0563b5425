"""From deployments and events to shipments."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.events import record
from core.models import Event
from deployments.models import Deployment
from reports import history
from reports.history import built_at
from tests.factories import accounts, deployments, releases

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)


def after(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


@pytest.fixture
def reader(db):
    return accounts.person(roles=["stakeholder"])


@pytest.fixture
def shop(db):
    made = releases.product(name="Shop")
    made.staging, made.production = releases.pipeline(made)
    return made


def ship(shop, state: str, start: float, end: float, *, release=None, **fields) -> Deployment:
    """A deployment to production, `start` and `end` in hours after T0."""
    release = release or releases.release(shop, "closed")
    verified = after(end) if state == "succeeded" else None
    return deployments.deployment(
        release, shop.production, state, started_at=after(start), ended_at=after(end), verified_at=verified, **fields
    )


def trouble(deployment: Deployment, name: str, hours: float, monkeypatch) -> Event:
    from core import events

    monkeypatch.setattr(events.timezone, "now", lambda: after(hours))
    with transaction.atomic():
        return record(name, deployment, actor=deployment.created_by)


def test_only_ended_deployments_that_started_in_production_count(reader, shop):
    good = ship(shop, "succeeded", 0, 1)
    deployments.deployment(releases.release(shop, "testing"), shop.staging, "succeeded")
    deployments.deployment(releases.release(shop, "ready"), shop.production, "planned")
    deployments.deployment(releases.release(shop, "deploying"), shop.production, "running")
    expired = deployments.deployment(releases.release(shop, "ready"), shop.production, "expired")
    Deployment.objects.filter(pk=expired.pk).update(started_at=None, ended_at=after(2))

    assert [s.id for s in history.shipments(reader)] == [good.pk]


def test_a_failure_begins_with_the_first_trouble_in_the_log_and_ends_with_the_next_verified_deployment(
    reader, shop, monkeypatch
):
    failed = ship(shop, "failed", 0, 3)
    trouble(failed, "deployment.paused", 1, monkeypatch)
    trouble(failed, "deployment.failed", 3, monkeypatch)
    ship(shop, "failed", 4, 5)
    ship(shop, "succeeded", 6, 7)
    ship(shop, "succeeded", 8, 9)

    first = history.shipments(reader)[0]

    assert (first.failed_at, first.recovered_at) == (after(1), after(7))
    assert first.recovery == timedelta(hours=6)


def test_without_events_a_failure_begins_with_the_end(reader, shop):
    ship(shop, "failed", 0, 3)

    only = history.shipments(reader)[0]

    assert (only.failed_at, only.recovered_at) == (after(3), None)


def test_a_verified_deployment_that_was_rolled_back_later_failed_when_the_rollback_began(reader, shop):
    good = ship(shop, "succeeded", 0, 1)
    ship(shop, "succeeded", 5, 5.5, release=good.release, kind="rollback", rolls_back=good)

    shipments = history.shipments(reader)

    assert [s.id for s in shipments] == [good.pk]
    assert (shipments[0].verified, shipments[0].failed_at, shipments[0].recovered_at) == (True, after(5), after(5.5))


def test_a_deployment_rolled_back_at_once_recovers_with_its_own_end(reader, shop, monkeypatch):
    undone = ship(shop, "rolled_back", 0, 2)
    trouble(undone, "deployment.rolling_back", 1.5, monkeypatch)

    assert history.shipments(reader)[0].recovery == timedelta(minutes=30)


def test_an_emergency_release_is_unplanned(reader, shop):
    ship(shop, "succeeded", 0, 1, release=releases.release(shop, "closed", strategy="emergency"))
    ship(shop, "succeeded", 2, 3)

    assert [s.unplanned for s in history.shipments(reader)] == [True, False]


def test_a_change_counts_once_with_the_first_verified_deployment_of_its_release(reader, shop):
    release = releases.release(shop, "closed")
    change = releases.change(shop, release, "done", created_at=after(-50))
    ship(shop, "failed", 0, 1, release=release)
    ship(shop, "succeeded", 2, 3, release=release)
    ship(shop, "succeeded", 4, 5, release=release)

    assert [[c.change for c in s.changes] for s in history.shipments(reader)] == [[], [change.pk], []]


def test_a_change_was_built_with_the_first_candidate_after_it_was_recorded():
    candidates = [(1, after(0)), (2, after(10)), (3, after(20))]

    assert built_at(candidates, 3, after(-1)) == after(0)
    assert built_at(candidates, 3, after(5)) == after(10)
    assert built_at(candidates, 3, after(30)) == after(20)  # recorded late: it was in the one that shipped
    assert built_at(candidates, 1, after(5)) == after(0)
    assert built_at([], 1, after(0)) is None


def test_nothing_out_of_sight_is_counted(shop):
    ship(shop, "succeeded", 0, 1)
    stranger = accounts.person(roles=["stakeholder"], on=releases.product())

    assert history.shipments(stranger) == []
    assert history.ended_changes(stranger) == []


def test_history_asks_as_much_for_many_deployments_as_for_few(reader, shop):
    def fill(count: int) -> None:
        for n in range(count):
            release = releases.release(shop, "closed")
            releases.change(shop, release, "done")
            ship(shop, "failed", n, n + 0.5, release=release)
            ship(shop, "succeeded", n, n + 1, release=release)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            history.shipments(reader)
            history.ended_changes(reader)
        return len(captured)

    fill(1)
    queries()
    few = queries()
    fill(5)

    assert queries() == few == 5
