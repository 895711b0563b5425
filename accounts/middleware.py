"""Show each reader times in their own zone."""

from zoneinfo import ZoneInfo

from django.utils import timezone


class ReaderMiddleware:
    """Activate the signed-in reader's time zone for the request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            timezone.activate(ZoneInfo(request.user.timezone))
        else:
            timezone.deactivate()
        return self.get_response(request)
