"""Identity, which others ship to by hand: phases, a window, a freeze that comes again, and a fix that nobody had approved."""

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from config.demonstration.portfolio import Place
from deployments.actions.sighting import report_deployment
from releases.actions import freeze, phase, window

ZONE = "Europe/Berlin"
TUESDAY = 1


def tell(now: datetime, crew: dict[str, User], place: Place) -> None:
    """Its tests come first and soak; production is open two evenings a week; somebody has put a fix there at night."""
    staging, production = place.environments["Staging"], place.environments["Production"]
    phase.add_phase(place.product.pk, actor=crew["ada"], environments=[staging.pk], name="Acceptance", soak_minutes=60)
    _evenings(now, crew["ada"], production.pk)
    _payroll(now, crew["ines"], place)
    report_deployment(
        production.pk,
        actor=crew["oskar"],
        version="8.31.1",
        commit="5d1f0c27",
        at=now - timedelta(hours=7),
        event_id="night-shift-1",
    )


def _evenings(now: datetime, admin: User, environment_id: int) -> None:
    here = now.astimezone(ZoneInfo(ZONE))
    last_tuesday = here - timedelta(days=(here.weekday() - TUESDAY) % 7)
    opens_at = last_tuesday.replace(hour=20, minute=0, second=0, microsecond=0)
    window.add_window(
        environment_id,
        actor=admin,
        name="Evenings with a full team",
        starts_at=opens_at,
        ends_at=opens_at + timedelta(hours=3),
        rule="FREQ=WEEKLY;BYDAY=TU,TH",
        zone=ZONE,
    )


def _payroll(now: datetime, manager: User, place: Place) -> None:
    here = now.astimezone(ZoneInfo(ZONE))
    last_day = here.replace(day=monthrange(here.year, here.month)[1], hour=6, minute=0, second=0, microsecond=0)
    freeze.add_freeze(
        actor=manager,
        name="Payroll run",
        reason="Salaries are paid on the last day of the month; everybody signs in.",
        products=[place.product],
        starts_at=last_day,
        ends_at=last_day + timedelta(hours=16),
        rule="FREQ=MONTHLY;BYMONTHDAY=-1",
        zone=ZONE,
    )
