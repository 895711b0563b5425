"""What a planned window meets, how grave that is, and when the place is free."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core import gates
from core.blockers import Refused
from core.models import Event
from core.recurrence import on_days
from releases import actions, conflicts, slots
from releases.conflicts import Wish
from releases.models import ConflictRule, Dependency, DeploymentWindow, FreezeWindow, Release
from tests.factories import accounts, approvals, releases

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=UTC)


def window(day: int, hour: int = 12, hours: int = 2) -> dict:
    return {"window_starts_at": at(day, hour), "window_ends_at": at(day, hour + hours)}


@pytest.fixture
def shop():
    product = releases.product("Shop", slug="shop")
    product.places = releases.pipeline(product)
    return product


@pytest.fixture
def planned(shop) -> Release:
    return releases.release(shop, "draft", version="2.0.0", **window(9))


@pytest.fixture
def keeper():
    return accounts.person(roles=["administrator", "release-manager"])


def met(release) -> list[tuple]:
    fresh = Release.objects.get(pk=release.pk)
    return [(c.kind.value, c.severity.value, c.about) for c in conflicts.find(conflicts.wish_of(fresh))]


def open_at(environment, **times) -> DeploymentWindow:
    defaults = {"name": "Hours", "created_by": accounts.person()}
    return DeploymentWindow.objects.create(environment=environment, **(defaults | times))


def test_a_window_alone_meets_nothing(planned):
    assert met(planned) == []
    [answer] = gates.answers("release.plan", ["conflicts"], planned)
    assert (answer.clear, answer.because) == (True, "The window meets nothing.")


@pytest.mark.parametrize(
    ("state", "hour", "is_met"),
    [("planned", 13, True), ("ready", 11, True), ("draft", 12, False), ("closed", 12, False), ("planned", 14, False),
     ("planned", 10, False), ("cancelled", 12, False)],
)  # fmt: skip
def test_another_planned_release_of_the_product_at_the_same_time_blocks(shop, planned, state, hour, is_met):
    other = releases.release(shop, state, version="1.9.0", **window(9, hour))
    assert met(planned) == ([("environment", "block", f"window-shared:{other.pk}")] if is_met else [])


def test_a_block_keeps_the_plan_from_being_confirmed_and_a_warning_does_not(shop, planned, keeper):
    releases.release(shop, "planned", version="1.9.0", **window(9))
    releases.change(shop, planned)
    with pytest.raises(Refused) as refusal:
        actions.take_step(planned.pk, "plan", actor=keeper)
    assert [b.code.split(":")[0] for b in refusal.value.blockers] == ["window-shared"]
    actions.set_severity("environment", "warn", actor=keeper, product_id=shop.pk)
    assert actions.take_step(planned.pk, "plan", actor=keeper).state == "planned"


@pytest.mark.parametrize(
    ("state", "span", "is_met"),
    [("planned", window(8), False), ("planned", window(10), True), ("planned", window(9, 11), True),
     ("closed", window(10), False), ("cancelled", window(8), True),
     ("draft", {"window_starts_at": None, "window_ends_at": None}, True)],
)  # fmt: skip
def test_what_must_ship_first_and_cannot_warns(planned, state, span, is_met):
    needed = releases.release(releases.product(), state, **span)
    Dependency.objects.create(release=planned, needs=needed)
    assert met(planned) == ([("dependency", "warn", f"dependency:{needed.pk}")] if is_met else [])


def test_what_need_not_ship_first_warns_of_nothing(planned):
    Dependency.objects.create(
        release=planned, needs=releases.release(state="planned", **window(10)), must_ship_first=False
    )
    assert met(planned) == []


@pytest.mark.parametrize(("day", "is_met"), [(8, True), (10, False)])
def test_what_needs_this_one_first_and_comes_earlier_warns(planned, day, is_met):
    needing = releases.release(state="planned", **window(day))
    Dependency.objects.create(release=needing, needs=planned)
    assert met(planned) == ([("dependency", "warn", f"dependency:{needing.pk}")] if is_met else [])


def test_a_manager_who_is_needed_twice_at_once_warns_and_the_other_release_is_not_named(planned):
    ines = accounts.person("ines")
    Release.objects.filter(pk=planned.pk).update(manager=ines)
    other = releases.release(state="planned", manager=ines, title="Secret", **window(9))
    releases.release(state="planned", manager=accounts.person(), **window(9))
    releases.release(state="planned", manager=ines, **window(11))
    assert met(planned) == [("people", "warn", f"people:{other.pk}")]
    [found] = conflicts.find(conflicts.wish_of(Release.objects.get(pk=planned.pk)))
    assert str(other) not in found.message
    assert ines.name in found.message


def test_who_keeps_the_way_back_counts_as_well(planned):
    ines = accounts.person("ines")
    releases.rollback_plan(planned, owner=ines)
    other = releases.release(state="planned", manager=ines, **window(9))
    assert met(planned) == [("people", "warn", f"people:{other.pk}")]


def test_a_window_outside_the_openings_of_production_needs_an_override(shop, planned):
    staging, production = shop.places
    open_at(staging, starts_at=at(1), ends_at=at(2))
    assert met(planned) == []
    open_at(production, starts_at=at(1), ends_at=at(2))
    assert met(planned) == [("window", "override", f"window:{production.pk}")]
    open_at(production, name="Then", starts_at=at(9, 13), ends_at=at(9, 20))
    assert met(planned) == []


def test_a_freeze_that_comes_again_is_met_in_each_of_its_occurrences(shop, planned):
    freeze = releases.freeze(starts_at=at(2, 9), ends_at=at(2, 17), rule="FREQ=WEEKLY;BYDAY=TU")  # 9 March is a Tuesday
    assert met(planned) == [("freeze", "override", f"freeze:{freeze.pk}")]
    [answer] = gates.answers("release.plan", ["freeze"], planned)
    assert [b.code for b in answer.blockers] == [f"freeze:{freeze.pk}"]
    Release.objects.filter(pk=planned.pk).update(**window(10))
    assert met(planned) == []


def test_an_override_counts_until_its_end(shop, planned):
    production = shop.places[1]
    open_at(production, starts_at=at(1), ends_at=at(2))
    about = f"window:{production.pk}"
    made = approvals.override(None, planned, kind="window", about=about, words="Closed.", expires_at=at(9, 13))
    assert conflicts.in_the_way(Release.objects.get(pk=planned.pk)) == []
    made.expires_at = at(9, 12)
    made.save()
    assert [b.code for b in conflicts.in_the_way(Release.objects.get(pk=planned.pk))] == ["environment-closed"]


class TestSeverity:
    def test_the_products_own_counts_before_everybodys_and_that_before_how_it_comes(self, shop, planned, keeper):
        assert conflicts.severity_of(planned, conflicts.Kind.PEOPLE) == "warn"
        actions.set_severity("people", "block", actor=keeper)
        assert conflicts.severity_of(planned, conflicts.Kind.PEOPLE) == "block"
        actions.set_severity("people", "override", actor=keeper, product_id=shop.pk)
        assert conflicts.severity_of(planned, conflicts.Kind.PEOPLE) == "override"
        assert conflicts.severity_of(releases.release(), conflicts.Kind.PEOPLE) == "block"
        actions.set_severity("people", "", actor=keeper, product_id=shop.pk)
        assert conflicts.severity_of(planned, conflicts.Kind.PEOPLE) == "block"
        assert ConflictRule.objects.count() == 1

    def test_each_change_is_recorded_and_no_change_is_not(self, keeper):
        for severity in ("block", "block", ""):
            actions.set_severity("people", severity, actor=keeper)
        told = Event.objects.filter(name="conflict_rule.set").order_by("pk")
        assert [(e.payload["was"], e.payload["severity"]) for e in told] == [("", "block"), ("block", "")]

    def test_a_product_is_not_milder_about_freezes_than_everybody(self, shop, keeper):
        with pytest.raises(Refused) as refusal:
            actions.set_severity("freeze", "warn", actor=keeper, product_id=shop.pk)
        assert [b.code for b in refusal.value.blockers] == ["milder-than-all"]
        actions.set_severity("freeze", "block", actor=keeper, product_id=shop.pk)

    def test_who_keeps_no_environments_sets_nothing(self, shop):
        tester = accounts.person(roles=["tester"], on=shop)
        with pytest.raises(PermissionDenied):
            actions.set_severity("people", "warn", actor=tester, product_id=shop.pk)
        with pytest.raises(PermissionDenied):
            actions.set_severity("people", "warn", actor=tester)
        assert not ConflictRule.objects.exists()

    def test_the_page_saves_what_was_chosen(self, shop, keeper, client):
        client.force_login(keeper)
        page = reverse("releases:product_severities", args=["shop"])
        assert client.post(page, {"people": "block", "freeze": "warn"}).status_code == 422
        assert client.post(page, {"people": "block"}).status_code == 302
        assert client.get(reverse("releases:severities")).status_code == 200
        client.force_login(accounts.person(roles=["tester"], on=shop))
        assert client.get(page).status_code == 403
        assert client.get(reverse("releases:severities")).status_code == 403


class TestWindows:
    FIELDS = {"name": "Office hours", "starts_at": at(1, 9), "ends_at": at(1, 16), "rule": on_days(["MO", "TU"])}

    def test_a_window_is_added_changed_and_removed(self, shop, keeper):
        made = actions.add_window(shop.places[1].pk, actor=keeper, zone="Europe/Berlin", **self.FIELDS)
        assert (made.comes_again, made.last_ends_at) == ("every Monday and Tuesday", None)
        actions.change_window(made.pk, actor=keeper, rule="FREQ=WEEKLY;BYDAY=MO;COUNT=2")
        made.refresh_from_db()
        assert made.last_ends_at == datetime(2027, 3, 8, 16, tzinfo=UTC)
        actions.remove_window(made.pk, actor=keeper)
        assert [e.name for e in Event.objects.order_by("pk")] == [
            "environment.window_added", "environment.window_changed", "environment.window_removed"
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"ends_at": at(1, 8)}, "ends_at"),
            ({"rule": "FREQ=HOURLY"}, "rule"),
            ({"rule": "FREQ=WEEKLY;BYDAY=FR"}, "starts_at"),
            ({"rule": "FREQ=DAILY", "ends_at": at(3)}, "ends_at"),
            ({"rule": "FREQ=YEARLY", "ends_at": at(1) + timedelta(days=100)}, "ends_at"),
            ({"rule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"}, "rule"),
            ({"zone": "Mars/Olympus"}, "zone"),
            ({"name": " "}, "name"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field(self, shop, keeper, fields, field):
        with pytest.raises(Refused) as refusal:
            actions.add_window(shop.places[1].pk, actor=keeper, **(self.FIELDS | fields))
        assert refusal.value.blockers[0].field == field
        assert not DeploymentWindow.objects.exists()

    def test_who_keeps_no_environments_adds_none(self, shop):
        with pytest.raises(PermissionDenied):
            actions.add_window(shop.places[1].pk, actor=accounts.person(roles=["tester"], on=shop), **self.FIELDS)

    def test_the_form_takes_plain_choices_by_the_clock_of_its_zone(self, shop, keeper, client):
        client.force_login(keeper)
        page = reverse("releases:window_new", args=["shop", "production"])
        typed = {"name": "Mornings", "starts_at": "2027-03-01T09:00", "ends_at": "2027-03-01T12:00", "zone": "America/New_York",
                 "pattern": "weekly", "days": ["MO", "WE"], "until": "2027-04-30"}  # fmt: skip
        assert client.post(page, typed).status_code == 302
        made = DeploymentWindow.objects.get()
        assert (made.starts_at, made.rule) == (
            datetime(2027, 3, 1, 14, tzinfo=UTC),
            "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20270430T235959",
        )
        html = client.get(reverse("releases:windows", args=["shop"])).content.decode()
        assert "every Monday and Wednesday, until 30 Apr 2027" in html
        page = reverse("releases:window", args=["shop", made.pk])
        html = client.get(page).content.decode()
        assert 'value="2027-03-01T09:00"' in html
        again = client.post(page, typed | {"starts_at": "2027-03-02T09:00", "ends_at": "2027-03-02T12:00"})
        assert again.status_code == 422  # a Tuesday is no day of the rule
        assert client.post(page, {"do": "remove"}).status_code == 302
        assert not DeploymentWindow.objects.exists()

    def test_who_sees_the_product_sees_the_windows_and_changes_none(self, shop, client):
        client.force_login(accounts.person(roles=["stakeholder"], on=shop))
        assert client.get(reverse("releases:windows", args=["shop"])).status_code == 200
        assert client.get(reverse("releases:window_new", args=["shop", "production"])).status_code == 403
        client.force_login(accounts.person())
        assert client.get(reverse("releases:windows", args=["shop"])).status_code == 404


class TestFreeSlots:
    def test_a_free_place_offers_the_same_time_of_five_days(self, planned):
        found = slots.next_free(planned, 2 * HOUR, after=at(1, 9))
        assert [(s.starts_at, s.ends_at) for s in found] == [(at(d, 9), at(d, 11)) for d in (1, 2, 3, 4, 5)]

    def test_no_slot_meets_more_than_a_warning(self, shop, planned):
        releases.freeze(starts_at=at(1, 0), ends_at=at(4, 10))
        releases.release(shop, "planned", version="1.9.0", **window(5, 8, 4))
        open_at(shop.places[1], starts_at=at(1, 8), ends_at=at(1, 16), rule="FREQ=DAILY")
        found = slots.next_free(planned, 2 * HOUR, after=at(1, 9))
        assert len(found) == 5
        assert found[0].starts_at == at(4, 10)
        for span in found:
            worse = [c for c in conflicts.find(Wish(planned, span.starts_at, span.ends_at)) if c.severity != "warn"]
            assert worse == []
            assert span.starts_at.hour >= 8
            assert span.ends_at.hour <= 16

    def test_a_deployment_to_production_stays_inside_the_releases_window(self, shop, planned):
        found = slots.next_free(planned, HOUR, environment=shop.places[1], after=at(1))
        assert [(s.starts_at, s.ends_at) for s in found] == [(at(9, 12), at(9, 13)), (at(9, 13), at(9, 14))]

    def test_where_nothing_is_free_nothing_is_offered(self, planned):
        releases.freeze(starts_at=at(1), ends_at=at(1) + timedelta(days=90))
        assert slots.next_free(planned, HOUR, after=at(1, 13)) == []


def test_the_plan_page_tells_of_conflicts_while_they_are_typed_and_fills_in_a_slot(shop, planned, client):
    manager = accounts.person(roles=["release-manager"], on=shop)
    other = releases.release(shop, "planned", version="1.9.0", **window(9))
    client.force_login(manager)
    page = reverse("releases:edit", args=["shop", "2.0.0"])
    typed = {"show": "outlook", "window_starts_at": "2027-03-09T12:00", "window_ends_at": "2027-03-09T14:00"}
    html = client.get(page, typed, headers={"HX-Request": "true"}).content.decode()
    assert str(other) in html
    assert "<html" not in html
    filled = client.post(
        page, {"version": "2.0.0", "strategy": "minor", "slot": f"{at(20).isoformat()}/{at(20, 14).isoformat()}"}
    )
    assert filled.status_code == 200
    assert 'value="2027-03-20T12:00"' in filled.content.decode()
    assert Release.objects.get(pk=planned.pk).window_starts_at == at(9)


def test_a_reader_is_not_told_the_name_of_a_release_that_they_may_not_see(shop, planned, client):
    ines = accounts.person("ines")
    Release.objects.filter(pk=planned.pk).update(manager=ines)
    hidden = releases.release(releases.product("Vault"), "planned", manager=ines, **window(9))
    client.force_login(accounts.person(roles=["release-manager"], on=shop))
    html = client.get(reverse("releases:edit", args=["shop", "2.0.0"])).content.decode()
    assert "needed by another release" in html
    assert str(hidden) not in html


def test_many_conflicts_cost_no_more_queries_than_one(shop, planned, client):
    client.force_login(accounts.person(roles=["release-manager"]))
    counts = []
    for many in (1, 8):
        for n in range(many):
            releases.release(shop, "planned", **window(9))
            releases.freeze(starts_at=at(9), ends_at=at(10), rule="FREQ=YEARLY")
            open_at(shop.places[1], name=f"{many}-{n}", starts_at=at(1), ends_at=at(2))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("releases:edit", args=["shop", "2.0.0"]))
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert FreezeWindow.objects.count() == 9
