"""What a reader chooses for this browser: the theme, set by a form that works without script."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

YEAR_S = 31_536_000


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember `theme` (light or dark, anything else forgets it) and go back to the page before."""
    response = HttpResponseRedirect(_page_before(request))
    if request.POST.get("theme") in ("light", "dark"):
        response.set_cookie("theme", request.POST["theme"], max_age=YEAR_S, samesite="Lax", secure=settings.HTTPS)
    else:
        response.delete_cookie("theme")
    return response


def _page_before(request: HttpRequest) -> str:
    page = request.headers.get("Referer", "")
    return page if url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()) else "/"
