"""What a window does not collide with, what is told once, and which of several conflicts comes first."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from core.blockers import Refused
from core.models import Event
from releases import actions, conflicts
from releases.conflicts import Wish
from releases.models import ConflictRule, Dependency, DeploymentWindow, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=UTC)


def window(day: int, hour: int = 12, hours: int = 2) -> dict:
    return {"window_starts_at": at(day, hour), "window_ends_at": at(day, hour) + hours * HOUR}


@pytest.fixture
def shop():
    product = releases.product("Shop", slug="shop")
    product.places = releases.pipeline(product)
    return product


@pytest.fixture
def planned(shop) -> Release:
    return releases.release(shop, "planned", version="2.0.0", **window(9))


@pytest.fixture
def keeper():
    return accounts.person(roles=["administrator", "release-manager"])


def found(release) -> list:
    return conflicts.find(conflicts.wish_of(Release.objects.get(pk=release.pk)))


def met(release) -> list[str]:
    return [conflict.about for conflict in found(release)]


def open_at(environment, name="Hours", **times) -> DeploymentWindow:
    return DeploymentWindow.objects.create(environment=environment, name=name, created_by=accounts.person(), **times)


def test_a_planned_release_is_not_in_its_own_way(planned):
    assert met(planned) == []


def test_a_freeze_of_other_products_or_tiers_is_none_of_its_business(planned):
    releases.freeze(starts_at=at(9), ends_at=at(10)).products.add(releases.product())
    releases.freeze(tiers=["staging"], starts_at=at(9), ends_at=at(10))
    lifted = releases.freeze(starts_at=at(9), ends_at=at(10), lifted_at=at(1))
    assert met(planned) == []
    lifted.lifted_at = None
    lifted.save()
    lifted.products.add(planned.product)
    assert met(planned) == [f"freeze:{lifted.pk}"]


@pytest.mark.parametrize(
    ("begins", "ends", "is_met"), [(10, 12, False), (10, 13, True), (13, 15, True), (14, 15, False)]
)
def test_a_freeze_that_only_touches_the_window_is_not_met(planned, begins, ends, is_met):
    releases.freeze(starts_at=at(9, begins), ends_at=at(9, ends))
    assert bool(met(planned)) == is_met


def test_a_freeze_that_comes_twice_within_a_window_is_told_once(shop):
    freeze = releases.freeze(starts_at=at(9, 1), ends_at=at(9, 2), rule="FREQ=DAILY")
    long = releases.release(shop, "planned", version="2.0.0", **window(9, 0, 72))
    assert met(long) == [f"freeze:{freeze.pk}"]


def test_freezes_have_a_gate_of_their_own(planned):
    releases.freeze(starts_at=at(9), ends_at=at(10))
    assert conflicts.in_the_way(Release.objects.get(pk=planned.pk)) == []


def test_one_product_needs_its_manager_once(shop, planned):
    ines = accounts.person("ines")
    Release.objects.filter(pk=planned.pk).update(manager=ines)
    other = releases.release(shop, "planned", version="1.9.0", manager=ines, **window(9))
    assert met(planned) == [f"window-shared:{other.pk}"]


@pytest.mark.parametrize(
    ("state", "span", "is_met"),
    [("rolled_back", window(8), True), ("released", window(10), False), ("planned", window(9, 10), False),
     ("planned", window(9, 10, 3), True)],
)  # fmt: skip
def test_what_must_ship_first_has_ended_by_the_time_and_stands(planned, state, span, is_met):
    needed = releases.release(releases.product(), state, **span)
    Dependency.objects.create(release=planned, needs=needed)
    assert met(planned) == ([f"dependency:{needed.pk}"] if is_met else [])


@pytest.mark.parametrize(
    ("state", "span", "must", "is_met"),
    [("planned", window(9, 14), True, False), ("planned", window(9, 13), True, True),
     ("planned", window(8), False, False), ("draft", window(8), True, False)],
)  # fmt: skip
def test_what_needs_this_one_first_begins_after_it(planned, state, span, must, is_met):
    needing = releases.release(state=state, **span)
    Dependency.objects.create(release=needing, needs=planned, must_ship_first=must)
    assert met(planned) == ([f"dependency:{needing.pk}"] if is_met else [])


def test_the_order_of_products_is_a_matter_of_production_alone(shop, planned):
    Dependency.objects.create(release=planned, needs=releases.release(releases.product(), "planned", **window(10)))
    staging, production = shop.places
    release = Release.objects.get(pk=planned.pk)
    assert conflicts.find(Wish(release, at(9), at(9, 13), staging)) == []
    assert [c.kind for c in conflicts.find(Wish(release, at(9), at(9, 13), production))] == ["dependency"]


def test_the_gravest_conflict_comes_first(shop, planned):
    Dependency.objects.create(release=planned, needs=releases.release(releases.product(), "planned", **window(10)))
    releases.freeze(starts_at=at(9), ends_at=at(10))
    releases.release(shop, "planned", version="1.9.0", **window(9))
    assert [c.severity for c in found(planned)] == ["block", "override", "warn"]


def test_how_grave_one_kind_is_says_nothing_of_another(shop, planned, keeper):
    actions.set_severity("people", "block", actor=keeper, product_id=shop.pk)
    assert conflicts.severity_of(Release.objects.get(pk=planned.pk), conflicts.Kind.DEPENDENCY) == "warn"


def test_of_several_openings_the_next_one_is_told(shop, planned):
    production = shop.places[1]
    open_at(production, "Later", starts_at=at(20), ends_at=at(21))
    open_at(production, "Sooner", starts_at=at(15), ends_at=at(16))
    [conflict] = found(planned)
    assert "(Sooner)." in conflict.message


def test_where_no_opening_is_to_come_that_is_said(shop, planned):
    open_at(shop.places[1], starts_at=at(1), ends_at=at(2))
    [conflict] = found(planned)
    assert "No window of it is still to come." in conflict.message


class TestRules:
    def test_a_product_is_held_to_what_everybody_made_of_freezes(self, shop, keeper):
        actions.set_severity("freeze", "block", actor=keeper)
        with pytest.raises(Refused) as refusal:
            actions.set_severity("freeze", "override", actor=keeper, product_id=shop.pk)
        assert [b.code for b in refusal.value.blockers] == ["milder-than-all"]
        actions.set_severity("freeze", "warn", actor=keeper)
        actions.set_severity("freeze", "override", actor=keeper, product_id=shop.pk)

    def test_who_keeps_one_product_sets_nothing_for_all(self, shop):
        manager = accounts.person(roles=["release-manager"], on=shop)
        actions.set_severity("people", "block", actor=manager, product_id=shop.pk)
        with pytest.raises(PermissionDenied):
            actions.set_severity("people", "block", actor=manager)
        assert [rule.product for rule in ConflictRule.objects.all()] == [shop]

    @pytest.mark.parametrize(
        ("kind", "severity", "code"), [("weather", "block", "kind-unknown"), ("people", "fatal", "severity-unknown")]
    )
    def test_what_nobody_knows_is_refused(self, keeper, kind, severity, code):
        with pytest.raises(Refused) as refusal:
            actions.set_severity(kind, severity, actor=keeper)
        assert [b.code for b in refusal.value.blockers] == [code]
        assert not ConflictRule.objects.exists()


class TestOpenings:
    FIELDS = {"name": "Office hours", "starts_at": at(1, 9), "ends_at": at(1, 16), "rule": "FREQ=DAILY"}

    @pytest.fixture
    def made(self, shop, keeper) -> DeploymentWindow:
        return actions.add_window(shop.places[1].pk, actor=keeper, **self.FIELDS)

    def test_who_keeps_no_environments_changes_and_removes_none(self, shop, made):
        tester = accounts.person(roles=["tester"], on=shop)
        with pytest.raises(PermissionDenied):
            actions.change_window(made.pk, actor=tester, name="Mine")
        with pytest.raises(PermissionDenied):
            actions.remove_window(made.pk, actor=tester)
        assert DeploymentWindow.objects.get().name == "Office hours"

    def test_a_change_is_judged_like_a_new_one_and_none_is_no_news(self, made, keeper):
        with pytest.raises(Refused) as refusal:
            actions.change_window(made.pk, actor=keeper, ends_at=at(1, 8))
        assert [b.field for b in refusal.value.blockers] == ["ends_at"]
        actions.change_window(made.pk, actor=keeper, name="Office hours")
        assert not Event.objects.filter(name="environment.window_changed").exists()

    def test_a_name_is_taken_once_in_an_environment(self, shop, made, keeper):
        with pytest.raises(Refused) as refusal:
            actions.add_window(shop.places[1].pk, actor=keeper, **self.FIELDS)
        assert [b.code for b in refusal.value.blockers] == ["name-taken"]
        actions.add_window(shop.places[0].pk, actor=keeper, **self.FIELDS)

    @pytest.mark.parametrize(("hours", "code"), [(0, "window-order"), (24, ""), (25, "overlaps-itself")])
    def test_one_occurrence_may_follow_on_the_one_before(self, shop, keeper, hours, code):
        fields = self.FIELDS | {"ends_at": at(1, 9) + hours * HOUR}
        if not code:
            assert actions.add_window(shop.places[1].pk, actor=keeper, **fields).pk
            return
        with pytest.raises(Refused) as refusal:
            actions.add_window(shop.places[1].pk, actor=keeper, **fields)
        assert [b.code for b in refusal.value.blockers] == [code]
