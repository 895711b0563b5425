"""Show each reader times in their own zone."""

from collections.abc import Callable

from django.utils import timezone

from accounts.zones import zone_of


def reader_free(view: Callable) -> Callable:
    """Mark a view that does not care who reads: neither session nor person is read from the database for it."""
    view.is_reader_free = True
    return view


class ReaderMiddleware:
    """Activate the signed-in reader's time zone for the request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        timezone.deactivate()
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        """Django calls this once the view is known, before it runs."""
        if not getattr(view, "is_reader_free", False) and request.user.is_authenticated:
            timezone.activate(zone_of(request.user))
