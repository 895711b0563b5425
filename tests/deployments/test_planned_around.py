"""What the plan of a release must know of deployments: environments that others have booked, and people who are needed twice."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core import gates
from core.blockers import Refused
from deployments.models import Booking, Runbook, RunbookStep
from releases import actions, conflicts, slots
from releases.models import Release
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=UTC)


@pytest.fixture
def shop():
    product = releases.product("Shop", slug="shop")
    product.staging, product.production = releases.pipeline(product)
    return product


@pytest.fixture
def planned(shop) -> Release:
    """Its window is the ninth, 12:00 to 14:00."""
    made = releases.release(shop, "draft", version="2.0.0", window_starts_at=at(9), window_ends_at=at(9, 14))
    releases.change(shop, made)
    return made


@pytest.fixture
def manager(shop):
    return accounts.person("ines", roles=["release-manager"], on=shop)


def book(release, environment, start, end, **fields) -> Booking:
    candidate = release.candidate or releases.candidate(release)
    row = shipping.deployment(release, environment, "scheduled", candidate=candidate, scheduled_for=start, **fields)
    return Booking.objects.create(environment=environment, deployment=row, starts_at=start, ends_at=end)


def met(release) -> list[tuple]:
    fresh = Release.objects.get(pk=release.pk)
    return [(c.kind.value, c.severity.value, c.about) for c in conflicts.find(conflicts.wish_of(fresh))]


def elsewhere(state="planned", **fields) -> Release:
    """A release of another product whose window is the same."""
    product = releases.product()
    releases.pipeline(product)
    times = {"window_starts_at": at(9), "window_ends_at": at(9, 14)} | fields
    return releases.release(product, state, **times)


# Bookings


@pytest.mark.parametrize(("start", "end", "is_met"), [(13, 15, True), (11, 13, True), (14, 15, False), (11, 12, False)])
def test_another_releases_booking_of_production_blocks_the_window(shop, planned, start, end, is_met):
    other = releases.release(shop, "ready", version="1.9.0")
    made = book(other, shop.production, at(9, start), at(9, end))

    assert met(planned) == ([("environment", "block", f"booking:{made.pk}")] if is_met else [])


def test_bookings_of_the_release_itself_and_of_what_it_does_not_ship_to_are_no_conflict(shop, planned):
    book(planned, shop.production, at(9), at(9, 13))
    book(releases.release(shop, "ready", version="1.9.0"), shop.staging, at(9), at(9, 13))
    other = elsewhere(window_starts_at=at(20), window_ends_at=at(21))
    book(other, other.product.environments.get(tier="production"), at(9), at(9, 13))

    assert met(planned) == []


def test_a_booking_that_was_given_up_is_no_conflict(shop, planned):
    book(releases.release(shop, "ready", version="1.9.0"), shop.production, at(9), at(9, 13))
    Booking.objects.update(is_active=False)

    assert met(planned) == []


def test_a_plan_onto_a_booking_is_refused_with_who_has_it_and_a_free_window_is_not(shop, planned, manager):
    other = releases.release(shop, "ready", version="1.9.0")
    made = book(other, shop.production, at(9, 13), at(9, 15))

    with pytest.raises(Refused) as refusal:
        actions.take_step(planned.pk, "plan", actor=manager)

    [blocker] = refusal.value.blockers
    assert blocker.code == "environment-booked"
    assert f"Production is booked for #{made.deployment_id} (1.9.0-rc.1)" in blocker.message
    assert blocker.url == f"/deployments/{made.deployment_id}/"
    Booking.objects.update(starts_at=at(9, 14), ends_at=at(9, 15))
    assert actions.take_step(planned.pk, "plan", actor=manager).state == "planned"


def test_free_windows_go_around_bookings_and_begin_where_one_ends(shop, planned):
    other = releases.release(shop, "ready", version="1.9.0")
    made = book(other, shop.production, at(1, 10), at(1, 15))

    found = slots.next_free(planned, 2 * HOUR, after=at(1, 9))

    assert found[0].starts_at == at(1, 15)
    assert all(span.ends_at <= made.starts_at or span.starts_at >= made.ends_at for span in found)


def test_a_release_that_is_only_being_drafted_is_offered_windows_around_bookings(shop):
    other = releases.release(shop, "ready", version="1.9.0")
    book(other, shop.production, at(1, 10), at(1, 15))

    found = slots.next_free(Release(product=shop, manager=None), 2 * HOUR, after=at(1, 9))

    assert found[0].starts_at == at(1, 15)


def test_the_plan_page_tells_of_a_booking_while_the_window_is_typed(shop, planned, manager, client):
    made = book(releases.release(shop, "ready", version="1.9.0"), shop.production, at(9, 13), at(9, 15))
    client.force_login(manager)
    typed = {"show": "outlook", "window_starts_at": "2027-03-09T12:00", "window_ends_at": "2027-03-09T14:00"}

    html = client.get(reverse("releases:edit", args=["shop", "2.0.0"]), typed, headers={"HX-Request": "true"}).text

    assert f"Production is booked for #{made.deployment_id}" in html


# People


def own(release, person, state="waiting", **fields) -> RunbookStep:
    book, _ = Runbook.objects.get_or_create(release=release, defaults={"created_by": person})
    step = RunbookStep.objects.create(runbook=book, position=1, name="Switch the DNS", owner=person, **fields)
    return releases.put_in_state(step, state)


@pytest.mark.parametrize(
    ("state", "is_met"),
    [("waiting", True), ("ready", True), ("running", True), ("failed", True), ("done", False), ("skipped", False)],
)
def test_who_owns_a_step_of_two_cut_overs_at_once_is_warned_of(planned, state, is_met):
    alan, other = accounts.person("alan"), elsewhere()
    own(planned, alan)
    own(other, alan, state)

    assert met(planned) == ([("people", "warn", f"people:{other.pk}")] if is_met else [])


def test_somebody_may_be_needed_for_a_step_here_and_as_a_manager_there(planned):
    alan = accounts.person("alan")
    other = elsewhere(manager=alan)
    assert met(planned) == []
    own(planned, alan)

    assert met(planned) == [("people", "warn", f"people:{other.pk}")]
    [found] = conflicts.find(conflicts.wish_of(planned))
    assert found.message == "Alan is needed by another release in this time."


@pytest.mark.parametrize(
    ("state", "fields"),
    [("draft", {}), ("closed", {}), ("planned", {"window_starts_at": at(10), "window_ends_at": at(11)})],
)
def test_steps_of_what_is_not_planned_for_that_time_need_nobody(planned, state, fields):
    alan = accounts.person("alan")
    own(planned, alan)
    own(elsewhere(state, **fields), alan)

    assert met(planned) == []


def test_a_runbook_that_was_aborted_needs_nobody(planned):
    alan, other = accounts.person("alan"), elsewhere()
    own(planned, alan)
    releases.put_in_state(own(other, alan).runbook, "aborted")

    assert met(planned) == []


@pytest.mark.parametrize(
    ("start", "tier", "by_itself", "is_met"),
    [(13, "production", False, True), (14, "production", False, False), (13, "staging", False, False),
     (13, "production", True, False)],
)  # fmt: skip
def test_who_booked_production_twice_at_once_is_warned_of_for_that_time(planned, shop, start, tier, by_itself, is_met):
    dana = accounts.person("dana")
    other = elsewhere(window_starts_at=None, window_ends_at=None)
    place = other.product.environments.get(tier=tier)
    candidate = releases.candidate(other)
    opened = shipping.deployment(other, place, "succeeded", candidate=candidate) if by_itself else None
    book(planned, shop.production, at(9), at(9, 13), created_by=dana)
    book(other, place, at(9, start), at(9, 15), created_by=dana, promoted_from=opened)

    assert met(planned) == ([("people", "warn", f"people:{other.pk}")] if is_met else [])


def test_several_people_of_one_release_are_told_in_one_sentence(planned):
    alan, maya, other = accounts.person("alan"), accounts.person("maya"), elsewhere()
    for person in (alan, maya):
        own(planned, person)
        own(other, person)

    [found] = conflicts.find(conflicts.wish_of(planned))

    assert found.message == "Alan and Maya are needed by another release in this time."


def test_however_many_books_and_steps_there_are_the_gate_asks_as_much(planned, shop):
    counts = []
    for many in (1, 7):
        for n in range(many):
            alan, other = accounts.person(), elsewhere()
            own(planned, alan)
            own(other, alan)
            start = at(20 + many) + n * HOUR
            book(releases.release(shop, "ready"), shop.production, start, start + HOUR)
        with CaptureQueriesContext(connection) as captured:
            found = list(Release.objects.prefetch_related(*gates.prefetches("release.plan", ["conflicts"])))
            for release in found:
                gates.answers("release.plan", ["conflicts"], release)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_two_releases_of_one_product_share_their_window_and_are_not_warned_of_their_people_too(shop, planned, manager):
    Release.objects.filter(pk=planned.pk).update(manager=manager)
    times = {"window_starts_at": at(9), "window_ends_at": at(9, 14)}
    other = releases.release(shop, "planned", version="1.9.0", manager=manager, **times)

    assert met(planned) == [("environment", "block", f"window-shared:{other.pk}")]
