"""Where a free slot begins, how far it reaches, and what keeps it from being offered."""

from datetime import UTC, datetime, timedelta

import pytest

from core.spans import Span
from releases import actions, slots
from releases.models import DeploymentWindow, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2027, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def shop():
    product = releases.product("Shop", slug="shop")
    product.places = releases.pipeline(product)
    return product


@pytest.fixture
def planned(shop) -> Release:
    return releases.release(shop, "draft", version="2.0.0", window_starts_at=at(9), window_ends_at=at(9, 12))


def open_at(environment, **times) -> DeploymentWindow:
    return DeploymentWindow.objects.create(environment=environment, name="Hours", created_by=accounts.person(), **times)


def starts(release, length=2 * HOUR, **asked) -> list[datetime]:
    return [span.starts_at for span in slots.next_free(release, length, **({"after": at(1)} | asked))]


def test_a_slot_begins_when_the_window_of_another_release_ends(shop, planned):
    releases.release(shop, "planned", version="1.9.0", window_starts_at=at(1), window_ends_at=at(1, 12))
    assert starts(planned) == [at(1, 12), at(2), at(3), at(4), at(5)]


@pytest.mark.parametrize(("minute", "begins"), [(0, 0), (1, 15), (15, 15), (16, 30), (59, 60)])
def test_a_slot_begins_at_the_next_quarter_of_an_hour(planned, minute, begins):
    assert starts(planned, after=at(1, 9, minute))[0] == at(1) + timedelta(minutes=begins)


def test_after_a_freeze_a_slot_begins_at_the_next_quarter_of_an_hour(planned):
    releases.freeze(starts_at=at(1), ends_at=at(1, 10, 5))
    assert starts(planned)[0] == at(1, 10, 15)


def test_a_freeze_of_another_tier_or_product_is_in_nobodys_way(shop, planned):
    releases.freeze(tiers=["staging"], starts_at=at(1), ends_at=at(3))
    releases.freeze(starts_at=at(1), ends_at=at(3)).products.add(releases.product())
    assert starts(planned)[0] == at(1)


def test_a_slot_may_fill_an_opening_to_its_end_and_not_reach_over_it(shop, planned):
    open_at(shop.places[1], starts_at=at(1), ends_at=at(1, 11), rule="FREQ=DAILY")
    assert starts(planned, 2 * HOUR) == [at(1), at(2), at(3), at(4), at(5)]
    assert starts(planned, 2 * HOUR + slots.STEP) == []


def test_openings_that_only_warn_leave_every_time_free(shop, planned):
    keeper = accounts.person(roles=["release-manager"], on=shop)
    open_at(shop.places[1], starts_at=at(1, 20), ends_at=at(1, 21), rule="FREQ=DAILY")
    assert starts(planned) == []
    actions.set_severity("window", "warn", actor=keeper, product_id=shop.pk)
    assert starts(Release.objects.get(pk=planned.pk))[0] == at(1)


def test_two_slots_never_share_a_minute(shop, planned):
    open_at(shop.places[1], starts_at=at(1), ends_at=at(1, 14), rule="FREQ=DAILY")
    found = slots.next_free(planned, 2 * HOUR, after=at(1))
    assert found == [Span(s, s + 2 * HOUR) for s in (at(1), at(1, 11), at(2), at(2, 11), at(3))]


@pytest.mark.parametrize(("left", "is_offered"), [(HOUR, True), (HOUR - slots.STEP, False)])
def test_a_slot_ends_within_sixty_days(planned, left, is_offered):
    ends = at(1) + slots.AHEAD
    releases.freeze(starts_at=at(1), ends_at=ends - left)
    assert starts(planned, HOUR) == ([ends - left] if is_offered else [])
