"""Home: what needs me, and will we ship on time?"""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core import wording
from portal import cells, feed, needs, strip
from portal.board import board, products_of
from portal.links import address
from releases.models import Release
from releases.states import ReleaseState, Stage
from reports import log, sight

NUMBERS = ("Nothing", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
CARDS, FEED = 6, 6


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The portfolio in the reader's sight. With htmx the releases alone, filtered and sorted."""
    table = board(request.user, request.GET)
    context = {"board": table, "stages": stage_links(request.GET), "products": list(products_of(request.user))}
    if request.htmx and request.htmx.target == "releases":
        return render(request, "portal/_board.html", context)
    looking_on = sight.only_looks_on(request.user)
    cards = [] if looking_on else needs.needs_of(request.user)
    columns, lines = cells.matrix(context["products"])
    events = (
        log.activity(request.user).exclude(name__in=feed.QUIET).select_related("actor", "on_behalf_of").order_by("-pk")
    )
    context |= {
        "looking_on": looking_on,
        "title": title(len(cards), looking_on=looking_on),
        "sub": in_motion(request.user),
        "needs": cards[:CARDS],
        "more": len(cards) - CARDS,
        "strip": strip.strip(request.user),
        "environments": [name for _tier, name in columns],
        "matrix": lines,
        "feed": feed.told(events[:FEED]),
        "new_url": address("releases:new"),
    }
    return render(request, "portal/home.html", context)


def title(count: int, *, looking_on: bool = False) -> str:
    """The answer of the page: `Three things need you today`."""
    if looking_on:
        return "Where our releases stand"
    words = NUMBERS[count] if count < len(NUMBERS) else wording.number(count)
    if count == 0:
        return "Nothing needs you today"
    return f"{words} {'thing needs' if count == 1 else 'things need'} you today"


def in_motion(user) -> str:
    """`9 releases in motion, 1 on hold.` One query."""
    states = list(Release.objects.visible_to(user).open().values_list("state", flat=True))
    held = sum(1 for s in states if s == ReleaseState.ON_HOLD)
    if not states:
        return "No release is in motion."
    words = f"{wording.plural(len(states) - held, 'release')} in motion"
    return f"{words}, {held} on hold." if held else f"{words}."


def stage_links(params) -> list[str]:
    """Addresses that filter by each stage; the one that is on leads back to all."""
    now = params.get("stage", "")
    return [_query(params, stage=None if slug == now else slug) for slug in Stage.values]


def _query(params, **changes) -> str:
    kept = params.copy()
    kept.pop("page", None)
    for key, value in changes.items():
        kept.pop(key, None)
        if value is not None:
            kept[key] = value
    return "?" + kept.urlencode()
