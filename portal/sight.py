"""What kind of reader this is: one who only looks on, or one who takes part; and whose events they may read."""

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from accounts import policy
from core.models import Event

LOOKING_ON = frozenset({"releases.view_product"})
VIEW_LOG = "releases.view_event_log"


def only_looks_on(user) -> bool:
    """Whether the reader holds no right but to see: stakeholders, and people without any role."""
    return all(rights <= LOOKING_ON for rights in policy.rights_of(user).values())


def require_taking_part(user) -> None:
    """Raise PermissionDenied for a reader who only looks on."""
    if only_looks_on(user):
        raise PermissionDenied("Stakeholders read home, releases, products, the calendar and the reports.")


def activity(user) -> QuerySet[Event]:
    """Events about the products that the reader may see: what pages about those products tell."""
    ids = policy.where_may(user, "releases.view_product")
    events = Event.objects.exclude(scope="")
    return events if ids is None else events.filter(scope__in=_scopes(ids))


def event_log(user) -> QuerySet[Event]:
    """Events that the reader may read in the log: all with the right everywhere, else those of their products."""
    ids = policy.where_may(user, VIEW_LOG)
    if ids is None:
        return Event.objects.all()
    seen = policy.where_may(user, "releases.view_product")
    return Event.objects.exclude(scope="") if seen is None else Event.objects.filter(scope__in=_scopes(ids | seen))


def sees_all_events(user) -> bool:
    return policy.where_may(user, VIEW_LOG) is None


def _scopes(ids) -> list[str]:
    return [f"product:{pk}" for pk in sorted(ids)]
