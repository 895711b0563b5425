"""What the pages of one version share: whom they answer, and what stands around them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import policy as rights
from approvals import versions
from approvals.models import Policy
from approvals.states import PolicyState

RIGHT = "releases.manage_policies"
SEE = "releases.view_product"

# (address, word) of the pages of a version.
TABS = (
    ("policy", "Rows"),
    ("policy_compare", "Compare"),
    ("policy_try", "Try it"),
    ("policy_replay", "Replay"),
    ("policy_shadow", "Shadow"),
)


def require_sight(request: HttpRequest) -> None:
    """Raise Http404 for who sees no product. Everybody who takes part may read the rules."""
    if not rights.may_anywhere(request.user, SEE):
        raise Http404


def may_edit(request: HttpRequest) -> bool:
    return rights.may(request.user, RIGHT) and not request.user.is_service


def require_editor(request: HttpRequest) -> None:
    """Raise PermissionDenied with the reason, or Http404 for who may not even read the rules."""
    require_sight(request)
    rights.require(request.user, RIGHT, None)
    rights.require_person(request.user)


def the_policy(request: HttpRequest, pk: int) -> Policy:
    """A version with its rows. Raises Http404 when there is none, or for who may not read it."""
    require_sight(request)
    found = versions.whole().filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def page(request: HttpRequest, policy: Policy, name: str, *, status: int = 200, **context) -> HttpResponse:
    """One of the pages of a version: `approvals/<name>.html` with what its frame shows."""
    draft = policy.state == PolicyState.DRAFT
    around = {
        "policy": policy,
        "title": title_of(policy),
        "may_edit": may_edit(request),
        "only": "" if may_edit(request) else rights.refusal_text(RIGHT),
        "is_draft": draft,
        "outdated": versions.outdated(policy),
        "asked": policy.requests.order_by("-pk").first() if policy.state != PolicyState.IN_FORCE else None,
        "tabs": [
            (word, reverse(f"approvals:{tab}", args=[policy.pk]), None, tab == name)
            for tab, word in TABS
            if tab != "policy_shadow" or draft or policy.shadow_runs.exists()
        ],
    }
    return render(request, f"approvals/{name}.html", around | context, status=status)


def title_of(policy: Policy) -> str:
    return f"{policy.get_subject_display()}: version {policy.version}"
