"""A product: what runs where since when, what is planned, what is open."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import policy
from core import wording
from portal import feed, next_step, whereabouts
from portal.board import Row
from portal.finder import change_url
from portal.links import address
from portal.looks import stage_number
from releases.models import Change, Product, Release
from releases.states import FINISHED, ChangeState
from reports.log import activity
from reports.sight import only_looks_on

SHOWN = 20
CLOSED_CHANGES = (ChangeState.DONE, ChangeState.WITHDRAWN, ChangeState.FAILED, ChangeState.BACKED_OUT)


@require_safe
@login_required
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One product in the reader's sight; 404 when there is none."""
    found = Product.objects.visible_to(request.user).select_related("blocked_by").filter(slug=slug).first()
    if found is None:
        raise Http404("There is no such product in your sight.")
    releases = Release.objects.filter(product=found)
    rows = [
        Row(r, stage_number(r.state, r.held_from), next_step.of(r, request.user))
        for r in next_step.prefetched(releases.exclude(state__in=FINISHED).order_by("window_starts_at", "pk")[:SHOWN])
    ]
    changes = Change.objects.filter(product=found).exclude(state__in=CLOSED_CHANGES)
    events = activity(request.user).filter(scope=f"product:{found.pk}").exclude(name__in=feed.QUIET)
    context = {
        "product": found,
        "places": whereabouts.places([found]).get(found.pk, []),
        "rows": rows,
        "history": list(releases.filter(state__in=FINISHED).order_by("-state_since", "-pk")[:10]),
        "changes": list(changes.select_related("release", "product", "author").order_by("-pk")[:SHOWN]),
        "changes_count": changes.count(),
        "links": links(request.user, found),
        "feed": feed.told(events.select_related("actor", "on_behalf_of").order_by("-pk")[:6]),
        "may_block": policy.may(request.user, "releases.block_release", found),
        "may_plan": policy.may(request.user, "releases.plan_release", found),
        "may_record": policy.may(request.user, "releases.contribute", found),
        "new_url": address("releases:new"),
        "can_list": bool(address("releases:products")) and not only_looks_on(request.user),
        "change_url": change_url,
    }
    context["sub"] = _sub(context)
    return render(request, "portal/product.html", context)


def _sub(context) -> str:
    live = next((p for p in context["places"] if p.environment.is_production and p.version), None)
    running = (
        f"{live.version} is in production since {wording.day(live.since)}." if live else "Nothing is in production yet."
    )
    changes = wording.plural(context["changes_count"], "open change")
    return f"{running} {wording.plural(len(context['rows']), 'release')} under way, {changes}."


def links(user, found: Product) -> list[tuple[str, str, str, str]]:
    """(icon, word, address, right) of what the reader may set up here."""
    wanted = (
        ("pen", "Edit product", "releases:product_edit", "releases.manage_products"),
        ("list", "Environments", "releases:environments", "releases.manage_environments"),
        ("link", "Hooks", "deployments:hooks", "releases.manage_environments"),
    )
    return [
        (icon, word, url, right)
        for icon, word, name, right in wanted
        if policy.may(user, right, found) and (url := address(name, found.slug))
    ]
