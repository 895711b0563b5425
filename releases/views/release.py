"""Pages that act on a whole release: its steps, its block, comments, dependencies."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from core import gates
from core.blockers import Blocker, Refused
from core.machine import Step
from releases import actions, frame
from releases.actions.release import EVENT_OF
from releases.forms.knock import ReasonForm
from releases.models import Release
from releases.views.asking import asked_again
from releases.views.finding import the_release

DONE = {
    "plan": ("Plan confirmed", "The build can start."),
    "start_build": ("Build started", "Its first candidate brings it to testing."),
    "start_testing": ("Testing started", "Testers sign the candidate off."),
    "reopen_plan": ("Plan reopened", "Approvals are withdrawn until it is asked for again."),
    "hold": ("On hold", "Pending requests wait."),
    "resume": ("Resumed", "It goes on where it stood."),
    "cancel": ("Cancelled", "Pending requests are withdrawn; its changes can go into another release."),
}
HINTS = {
    "reopen_plan": "Say what has to change. Those who approved are told.",
    "hold": "Say what it waits for.",
    "resume": "Say what has changed since it was put on hold.",
    "cancel": "Say why it will not ship. This cannot be undone.",
}


@login_required
def step(request: HttpRequest, product: str, version: str, name: str) -> HttpResponse:
    """GET: the page that asks for the reason and shows what blocks. POST: takes the step."""
    release = the_release(request, product, version)
    if name not in EVENT_OF:
        raise Http404
    found = Release.machine.steps[name]
    if request.method == "POST":
        act = lambda reason: actions.take_step(release.pk, name, actor=request.user, reason=reason)  # noqa: E731
        return _act(request, act, DONE[name], _asks(request, release, found))
    return render(request, "confirm.html", _asks(request, release, found))


def _asks(request: HttpRequest, release: Release, found: Step) -> dict:
    return _page(
        release,
        title=f"{found.label}: {release}",
        submit=found.label,
        text=release.title,
        danger=found.tone == "bad",
        form=ReasonForm(HINTS.get(found.name, "")) if found.reason else Form(),
        blockers=_stand_in_the_way(request, release, found),
    )


def _stand_in_the_way(request: HttpRequest, release: Release, found: Step) -> list[Blocker]:
    if found.right and not policy.may(request.user, found.right, release):
        return [Blocker("forbidden", policy.refusal_text(found.right))]
    if str(release.state) not in found.sources:
        return [Blocker("state", f"{found.label} is not possible while it is {release.get_state_display().lower()}.")]
    return [b for a in gates.answers(found.key, found.gates, release) for b in a.blockers]


def _page(release: Release, *, title: str, submit: str, form: Form, text="", danger=False, blockers=()) -> dict:
    """The context of `confirm.html`."""
    return {
        "title": title,
        "text": text,
        "submit": submit,
        "kind": "danger" if danger else "primary",
        "form": form,
        "blockers": list(blockers),
        "back": release.get_absolute_url(),
        "keep": "Leave it as it is",
    }


def _act(request: HttpRequest, door: Callable, done: tuple[str, str], context: dict) -> HttpResponse:
    """Knock with the typed reason. A missing one asks again with 422, other refusals show as everywhere with 409."""
    try:
        acted = door(request.POST.get("reason", ""))
    except Refused as refusal:
        return asked_again(request, context, refusal)
    messages.success(request, f"{done[0]}\n{done[1]}")
    return redirect("portal:release", acted.product.slug, acted.version)


@login_required
def block(request: HttpRequest, product: str, version: str) -> HttpResponse:
    release = the_release(request, product, version)
    blockers = _only("releases.block_release", request, release)
    form = ReasonForm("No deployment of it starts. Lifting it takes the agreement of others, who will ask.")
    context = _page(
        release, title=f"Block {release}", submit="Block at once", form=form, danger=True, blockers=blockers
    )
    if request.method == "POST":
        act = lambda reason: actions.block_release(release.pk, actor=request.user, reason=reason)  # noqa: E731
        return _act(request, act, ("Blocked", "No deployment of it starts."), context)
    return render(request, "confirm.html", context)


def _only(right: str, request: HttpRequest, release: Release) -> list[Blocker]:
    return [] if policy.may(request.user, right, release) else [Blocker("forbidden", policy.refusal_text(right))]


@login_required
@require_POST
def comment(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Adds a comment and goes back to the activity of the release."""
    release = the_release(request, product, version)
    actions.comment(release.pk, actor=request.user, text=request.POST.get("text", ""))
    messages.success(request, "Comment added")
    return redirect(frame.page("portal:release", product, version) + "#activity")
