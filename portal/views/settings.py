"""Settings: the hub, the process as it is built, and what the outbox could not deliver."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import policy
from accounts.roles import ROLES
from core import outbox
from core import process as machines
from core.models import Delivery
from core.states import DeliveryState
from portal.links import address
from reports import sight

OPERATE = "releases.manage_people"
OWN = "own"  # for everybody who signs in
TAKING_PART = "taking part"

# heading: [(icon, word, what it is for, page, right)]
HUB = {
    "Yours": (
        ("user", "Profile", "Name, time zone, single keys", "accounts:profile", OWN),
        ("lock", "Password", "Change your password", "accounts:password", OWN),
        ("bell", "Notifications", "What you are told, and how", "notifications:preferences", OWN),
        ("key", "API tokens", "Keys for scripts and CI", "accounts:tokens", OWN),
    ),
    "Process": (
        ("list", "Process", "Every transition with its rights and gates", "portal:process", TAKING_PART),
        ("scale", "Approval policies", "Who has to agree to what", "approvals:policies", "releases.manage_policies"),
        ("users", "Boards", "Who looks at changes together, and when", "approvals:boards", TAKING_PART),
        ("list", "Standard changes", "What was approved once and may be done again", "releases:catalogue", TAKING_PART),
        (
            "flask",
            "Required sign-offs",
            "Which tests a strategy asks for",
            "approvals:required_signoffs",
            "releases.manage_policies",
        ),
        ("freeze", "Freezes", "Times in which nothing is deployed", "releases:freezes", TAKING_PART),
        ("alert", "Conflicts", "How grave a collision of plans is", "releases:severities", "releases.manage_products"),
    ),
    "Organisation": (
        ("release", "Products", "What is released, and its environments", "releases:products", TAKING_PART),
        ("user", "People", "Accounts and the roles they hold", "accounts:people", OPERATE),
        ("users", "Teams", "People who hold roles together", "accounts:teams", OPERATE),
        ("shield", "Roles", "What each role may do", "accounts:roles", TAKING_PART),
        ("gear", "Operations", "Deliveries that wait or were given up", "portal:operations", OPERATE),
        ("history", "Event log", "All that happened, verified", "portal:events", TAKING_PART),
        ("branch", "API", "Every action for programs, with its schema", "api-docs", TAKING_PART),
    ),
}


@require_safe
@login_required
def hub(request: HttpRequest) -> HttpResponse:
    """Everything that this reader may set or look up, and nothing else."""
    groups = [(heading, [link for link in links if link]) for heading, links in _groups(request.user)]
    return render(request, "portal/settings.html", {"groups": [(h, links) for h, links in groups if links]})


def _groups(user):
    looking_on = sight.only_looks_on(user)
    for heading, entries in HUB.items():
        yield (
            heading,
            [
                (icon, word, what, url)
                for icon, word, what, name, right in entries
                if _open_to(user, right, looking_on) and (url := address(name))
            ],
        )


def _open_to(user, right: str, looking_on: bool) -> bool:
    if right == OWN:
        return True
    return not looking_on if right == TAKING_PART else policy.may_anywhere(user, right)


@require_safe
@login_required
def process(request: HttpRequest) -> HttpResponse:
    """Each machine with its transitions, who may take them, and the gates that guard them with room and file."""
    sight.require_taking_part(request.user)
    described = machines.describe()
    for machine in described:
        for step in machine["transitions"]:
            step["roles"] = policy.roles_with(step["right"]) if step["right"] else []
    wanted = request.GET.get("machine", "release")
    shown = next((m for m in described if m["machine"] == wanted), described[0])
    rights = sorted({step["right"] for step in shown["transitions"] if step["right"]})
    roles = [(role, [right for right in rights if right in role.rights]) for role in ROLES.values()]
    context = {"machines": described, "machine": shown, "roles": [(role, held) for role, held in roles if held]}
    return render(request, "portal/process.html", context)


@require_safe
@login_required
def operations(request: HttpRequest) -> HttpResponse:
    """The outbox: what waits, how long, and what was given up. 403 without the right to manage people."""
    policy.require(request.user, OPERATE)
    open_states = [DeliveryState.WAITING, DeliveryState.CLAIMED]
    # What is kept for an hour of its own, such as a reminder for when somebody is at work, is not late.
    not_kept = ~Q(attempts=0, due_at__gt=timezone.now())
    figures = Delivery.objects.filter(not_kept).aggregate(
        waiting=Count("pk", filter=Q(state__in=open_states)),
        dead=Count("pk", filter=Q(state=DeliveryState.DEAD)),
        oldest=Min("event__at", filter=Q(state__in=open_states)),
    )
    dead_or_open = Delivery.objects.filter(not_kept, state__in=[*open_states, DeliveryState.DEAD]).select_related(
        "event"
    )
    page = Paginator(dead_or_open.order_by("state", "due_at", "pk"), 50).get_page(request.GET.get("page"))
    age = (timezone.now() - figures["oldest"]) if figures["oldest"] else None
    context = {"figures": figures, "age": age, "page": page, "consumers": [r.consumer for r in outbox.reactions()]}
    return render(request, "portal/operations.html", context)


@require_POST
@login_required
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a delivery that was given up another round."""
    policy.require(request.user, OPERATE)
    if outbox.retry(pk):
        messages.success(request, "It is tried again\nA worker takes it within a minute.")
    else:
        messages.warning(request, "Nothing to try again\nThis delivery was not given up; perhaps somebody was quicker.")
    return redirect("portal:operations")
