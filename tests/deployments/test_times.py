"""When an environment may be entered: windows and freezes that come again, judged by the gates of a start at both clock changes."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.blockers import Refused
from core.recurrence import on_days
from deployments.actions import deployment as doors
from deployments.models import Deployment
from releases import actions as planning
from releases.models import DeploymentWindow
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db

BERLIN, YORK, HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def utc(*at) -> datetime:
    return datetime(*at, tzinfo=UTC)


@contextmanager
def the_time(monkeypatch, at: datetime):
    """It is `at` for everything that asks for the time."""
    with monkeypatch.context() as patched:
        patched.setattr("django.utils.timezone.now", lambda: at)
        yield


def nightly(zone: str, start: tuple, end: tuple) -> dict:
    """Every night between two wall times of a zone, from the first of January 2026 on."""
    place = ZoneInfo(zone)
    return {
        "starts_at": datetime(2026, 1, 1, *start, tzinfo=place),
        "ends_at": datetime(2026, 1, 1, *end, tzinfo=place),
        "rule": "FREQ=DAILY",
        "zone": zone,
    }


def window(environment, **times) -> DeploymentWindow:
    defaults = {"name": "Nightly", "created_by": accounts.person()}
    return DeploymentWindow.objects.create(environment=environment, **(defaults | times))


def codes_at(monkeypatch, place, at: datetime) -> set[str]:
    """The codes with which a start of the deployment to staging is refused at an instant; empty where it starts."""
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    with the_time(monkeypatch, at):
        try:
            doors.start_deployment(planned.pk, actor=place.deployer)
        except Refused as refusal:
            doors.abort(planned.pk, actor=place.deployer, reason="Next.")
            return {b.code for b in refusal.blockers}
        doors.abort(planned.pk, actor=place.deployer, reason="Next.")
    return set()


# (zone, start and end on the wall, instant, open?): 02:30 does not exist in spring and comes twice in autumn
WALLS = [
    # forward: from 02:30 is read with the offset before it, which the clock then shows as 03:30 (or 02:45 on Lord Howe)
    (BERLIN, (2, 30), (5, 0), utc(2026, 3, 29, 1, 29), False),
    (BERLIN, (2, 30), (5, 0), utc(2026, 3, 29, 1, 30), True),
    (BERLIN, (2, 30), (5, 0), utc(2026, 3, 29, 2, 59), True),
    (BERLIN, (2, 30), (5, 0), utc(2026, 3, 29, 3, 0), False),
    (YORK, (2, 30), (5, 0), utc(2026, 3, 8, 7, 29), False),
    (YORK, (2, 30), (5, 0), utc(2026, 3, 8, 7, 30), True),
    (YORK, (2, 30), (5, 0), utc(2026, 3, 8, 9, 0), False),
    (HOWE, (2, 15), (5, 0), utc(2026, 10, 3, 15, 44), False),
    (HOWE, (2, 15), (5, 0), utc(2026, 10, 3, 15, 45), True),
    (HOWE, (2, 15), (5, 0), utc(2026, 10, 3, 18, 0), False),
    # back: of the two times that the clock shows it, the first opens
    (BERLIN, (2, 30), (5, 0), utc(2026, 10, 25, 0, 29), False),
    (BERLIN, (2, 30), (5, 0), utc(2026, 10, 25, 0, 30), True),
    (BERLIN, (2, 30), (5, 0), utc(2026, 10, 25, 3, 59), True),
    (BERLIN, (2, 30), (5, 0), utc(2026, 10, 25, 4, 0), False),
    (YORK, (1, 30), (5, 0), utc(2026, 11, 1, 5, 30), True),
    (YORK, (1, 30), (5, 0), utc(2026, 11, 1, 5, 29), False),
    (YORK, (1, 30), (5, 0), utc(2026, 11, 1, 10, 0), False),
    (HOWE, (1, 45), (5, 0), utc(2026, 4, 4, 14, 44), False),
    (HOWE, (1, 45), (5, 0), utc(2026, 4, 4, 14, 45), True),
    (HOWE, (1, 45), (5, 0), utc(2026, 4, 4, 18, 30), False),
    # the first of two ends closes as well
    (BERLIN, (1, 0), (2, 30), utc(2026, 10, 25, 0, 29), True),
    (BERLIN, (1, 0), (2, 30), utc(2026, 10, 25, 0, 30), False),
    # a night whose hour is skipped as a whole does not come
    (BERLIN, (2, 0), (3, 0), utc(2026, 3, 29, 1, 0), False),
    (YORK, (2, 0), (3, 0), utc(2026, 3, 8, 7, 0), False),
    (HOWE, (2, 0), (2, 30), utc(2026, 10, 3, 15, 30), False),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "start", "end", "at", "is_on"), WALLS)
def test_a_window_opens_and_closes_by_the_clock_on_its_wall(place, tool, monkeypatch, zone, start, end, at, is_on):
    window(place.staging, **nightly(zone, start, end))
    assert ("environment-closed" in codes_at(monkeypatch, place, at)) == (not is_on)


@pytest.mark.parametrize(("zone", "start", "end", "at", "is_on"), WALLS)
def test_a_freeze_begins_and_ends_by_the_clock_on_its_wall(place, tool, monkeypatch, zone, start, end, at, is_on):
    releases.freeze(tiers=["staging"], **nightly(zone, start, end))
    assert ("frozen" in codes_at(monkeypatch, place, at)) == is_on


def test_an_environment_without_windows_is_open_at_any_time(place, tool):
    assert place.into_staging().state == "running"


def test_outside_its_windows_it_says_when_it_opens_next(place, tool, monkeypatch):
    weekday = {
        "starts_at": utc(2026, 1, 5, 9),
        "ends_at": utc(2026, 1, 5, 16),
        "rule": on_days(["MO", "TU", "WE", "TH"]),
    }
    window(place.staging, name="Office hours", **weekday)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    with the_time(monkeypatch, utc(2026, 5, 1, 12)), pytest.raises(Refused) as refusal:  # a Friday
        doors.start_deployment(planned.pk, actor=place.deployer)
    [blocker] = refusal.value.blockers
    assert "It opens next Mon 4 May 2026, 09:00 to 16:00 UTC (Office hours)." in blocker.message
    assert blocker.fix == "Ask for an override"
    assert Deployment.objects.get().state == "planned"


def test_one_of_several_windows_is_enough(place, tool, monkeypatch):
    window(place.staging, name="Over", starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    window(place.staging, name="On", starts_at=utc(2026, 5, 1), ends_at=utc(2026, 5, 2))
    assert codes_at(monkeypatch, place, utc(2026, 5, 1, 12)) == set()


def test_a_window_of_another_environment_closes_nothing(place, tool):
    window(place.production, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    assert place.into_staging().state == "running"


def test_a_rollback_asks_no_window(place, tool, monkeypatch):
    place.verified_in_staging()
    releases.candidate(place.release)
    second = shipping.deployment(place.release, place.staging, "succeeded")
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    releases.freeze(tiers=["staging"])
    back = doors.roll_back(second.pk, actor=place.deployer, reason="Errors.")
    assert (back.kind, back.state) == ("rollback", "running")


@pytest.mark.parametrize(
    ("severity", "refused"), [("warn", False), ("override", True), ("block", True)]
)  # fmt: skip
def test_what_a_closed_window_means_is_the_products_to_say(place, tool, severity, refused):
    keeper = accounts.person(roles=["release-manager", "administrator"])
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    planning.set_severity("window", severity, actor=keeper, product_id=place.product.pk)
    if not refused:
        assert place.into_staging().state == "running"
        return
    with pytest.raises(Refused) as refusal:
        place.into_staging()
    assert [b.code for b in refusal.value.blockers] == ["environment-closed"]


def test_an_override_lets_the_release_through_a_closed_window_and_a_block_does_not(place, tool):
    keeper = accounts.person(roles=["release-manager", "administrator"])
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    about = f"window:{place.staging.pk}"
    approvals.override(None, place.release, kind="window", about=about, words="Closed.")
    planning.set_severity("window", "block", actor=keeper, product_id=place.product.pk)
    with pytest.raises(Refused):
        place.into_staging()
    planning.set_severity("window", "", actor=keeper, product_id=place.product.pk)
    assert place.into_staging().state == "running"


def test_an_override_of_another_environments_windows_opens_nothing(place, tool):
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    approvals.override(None, place.release, kind="window", about=f"window:{place.production.pk}", words="Closed.")
    with pytest.raises(Refused):
        place.into_staging()


def test_a_freeze_that_only_warns_stops_nothing_and_one_that_blocks_is_not_overridden(place, tool):
    keeper = accounts.person(roles=["administrator"])
    freeze = releases.freeze(tiers=["staging"])
    approvals.override(freeze, place.release)
    planning.set_severity("freeze", "block", actor=keeper)
    with pytest.raises(Refused) as refusal:
        place.into_staging()
    assert [(b.code, b.fix) for b in refusal.value.blockers] == [("frozen", "")]
    planning.set_severity("freeze", "warn", actor=keeper)
    assert place.into_staging().state == "running"


def test_the_windows_are_asked_inside_the_transaction_that_starts(place, tool, monkeypatch):
    """Planned while it was open, and closed before the start: the door says no although the page said yes."""
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer)
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    with pytest.raises(Refused):
        doors.start_deployment(planned.pk, actor=place.deployer)
    assert Deployment.objects.get().started_at is None


def test_the_gate_costs_the_same_however_many_windows_and_freezes_there_are(place, tool, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from deployments.views.tab import start_answers

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            start_answers(place.release, place.staging)
        return len(captured)

    span = {"starts_at": utc(2026, 1, 1), "ends_at": utc(2026, 1, 2), "rule": "FREQ=DAILY"}
    window(place.staging, name="0", **span)
    releases.freeze(tiers=["staging"], **span)
    asked()  # what is learnt once in a process
    few = asked()
    for n in range(1, 8):
        window(place.staging, name=str(n), **span)
        releases.freeze(tiers=["staging"], **span)
    assert asked() == few


def test_a_scheduled_start_in_a_closed_window_waits_for_a_person(place, tool, monkeypatch):
    at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    planned = doors.plan_deployment(place.release.pk, place.staging.pk, actor=place.deployer, scheduled_for=at)
    window(place.staging, starts_at=utc(2026, 1, 1), ends_at=utc(2026, 1, 2))
    with the_time(monkeypatch, at):
        doors.advance(planned.pk)
    found = Deployment.objects.get()
    assert found.state == "awaiting_approval"
    assert "not open to deployments" in found.detail
