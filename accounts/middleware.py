"""Show each reader times in their own zone."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone


def zone_of(user) -> ZoneInfo:
    """The person's zone; UTC where this machine does not know it (its table of zones may be older than the choice)."""
    try:
        return ZoneInfo(user.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


class ReaderMiddleware:
    """Activate the signed-in reader's time zone for the request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            timezone.activate(zone_of(request.user))
        else:
            timezone.deactivate()
        return self.get_response(request)
