"""Search or jump: the page, and the list inside the palette."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal import finder


@require_safe
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """What fits `?q=` in the reader's sight. With htmx from the palette its list alone."""
    words = request.GET.get("q", "").replace("\0", "").strip()
    in_palette = request.htmx and request.htmx.target == "palette-list"
    hits = finder.find(request.user, words, each=5 if in_palette else finder.EACH)
    kinds = dict.fromkeys(hit.kind for hit in hits)
    context = {
        "words": words,
        "groups": [(kind, [h for h in hits if h.kind == kind]) for kind in kinds],
        "count": len(hits),
    }
    return render(request, "portal/_palette.html" if in_palette else "portal/search.html", context)
