"""Show each reader times in their own zone."""

from django.utils import timezone

from accounts.zones import zone_of


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
