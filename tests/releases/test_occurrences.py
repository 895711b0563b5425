"""Which freezes are told for a product, a tier and a time."""

from datetime import UTC, datetime

import pytest

from releases import occurrences
from releases.models import FreezeWindow
from tests.factories import releases

pytestmark = pytest.mark.django_db


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=UTC)


def freeze(name: str, first: int, last: int, **fields) -> FreezeWindow:
    return releases.freeze(name=name, starts_at=at(first), ends_at=at(last), **fields)


def names(found) -> list[str]:
    return [occurrence.freeze.name for occurrence in found]


@pytest.fixture
def product():
    return releases.product()


def test_a_product_is_told_of_its_own_freezes_and_of_those_of_all(product):
    freeze("All", 3, 5)
    freeze("Own", 1, 5).products.add(product)
    freeze("Another's", 1, 5).products.add(releases.product())
    freeze("Lifted", 1, 5, lifted_at=at(1))
    assert names(occurrences.touching(at(4), at(6), product.pk)) == ["Own", "All"]


@pytest.mark.parametrize(
    ("start", "end", "told"), [(1, 3, []), (1, 4, ["Once"]), (4, 5, ["Once"]), (5, 6, []), (2, 9, ["Once"])]
)
def test_a_freeze_is_told_for_what_it_overlaps(product, start, end, told):
    freeze("Once", 3, 5)
    assert names(occurrences.touching(at(start), at(end), product.pk)) == told


def test_occurrences_come_by_their_start_whatever_freeze_they_are_of():
    weekly = freeze("Weekly", 1, 2, rule="FREQ=WEEKLY;BYDAY=MO")
    once = freeze("Once", 4, 5)
    found = occurrences.of([once, weekly], at(1), at(16))
    assert [(o.freeze.name, o.starts_at.day) for o in found] == [
        ("Weekly", 1),
        ("Once", 4),
        ("Weekly", 8),
        ("Weekly", 15),
    ]


def test_a_window_is_held_against_freezes_of_production_and_of_its_product(product):
    release = releases.release(product, "planned", window_starts_at=at(3), window_ends_at=at(4))
    own, another = freeze("Own", 3, 5), freeze("Another's", 3, 5)
    own.products.add(product)
    another.products.add(releases.product())
    both = [own, another, freeze("Staging", 3, 5, tiers=["staging"]), freeze("All", 3, 5)]
    assert names(occurrences.over(both, release)) == ["Own", "All"]
    assert names(occurrences.over(both, release, "staging")) == ["Staging"]
    release.window_ends_at = None
    assert occurrences.over(both, release) == []


def test_of_what_is_to_come_the_one_that_is_on_is_told_and_nothing_that_is_over():
    daily = freeze("Daily", 1, 2, rule="FREQ=DAILY;INTERVAL=2")
    rows = [daily, freeze("Over", 1, 2), freeze("Later", 20, 21)]
    assert [(o.freeze.name, o.starts_at.day) for o in occurrences.coming(rows, at(3, 18))] == [
        ("Daily", 3),
        ("Later", 20),
    ]
    assert [(o.freeze.name, o.starts_at.day) for o in occurrences.coming(rows, at(4, 18))] == [
        ("Daily", 5),
        ("Later", 20),
    ]


def test_what_is_over_is_left_out_of_lists():
    freeze("Over", 1, 2)
    freeze("On", 3, 5)
    freeze("To come", 8, 9)
    freeze("Has come for the last time", 1, 2, rule="FREQ=DAILY;COUNT=2", last_ends_at=at(3))
    freeze("Comes for ever", 1, 2, rule="FREQ=WEEKLY;BYDAY=MO")
    listed = FreezeWindow.objects.not_over(at(4)).values_list("name", flat=True)
    assert sorted(listed) == ["Comes for ever", "On", "To come"]
    assert "On" not in FreezeWindow.objects.not_over(at(5)).values_list("name", flat=True)
    touching = FreezeWindow.objects.that_may_touch(at(4), at(8)).values_list("name", flat=True)
    assert sorted(touching) == ["Comes for ever", "On"]
