"""The page of one change: its machine, its next action, its assessment, its commits."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from core import gates
from core.blockers import Blocker, Refused
from core.events import stream_of
from core.machine import offers
from core.models import Event
from releases import actions, frame
from releases.actions.change import EVENT_OF, OVER, is_editable
from releases.forms.knock import ReasonForm, knock
from releases.forms.scope import ChangeForm
from releases.guards import standing
from releases.models import Change
from releases.states import BEFORE_READY, ChangeState, ReleaseState
from releases.views.asking import asked_again
from releases.views.finding import the_change

PATH = (
    ChangeState.NEW,
    ChangeState.ASSESSING,
    ChangeState.AUTHORISING,
    ChangeState.APPROVED,
    ChangeState.IMPLEMENTING,
    ChangeState.DONE,
)
PATH_OF = {
    "standard": (ChangeState.APPROVED, ChangeState.IMPLEMENTING, ChangeState.DONE),
    "unauthorised": (ChangeState.DONE,),
}
DUE = {"new": "assess", "assessing": "request_authorisation", "rejected": "rework"}
HOLDS = {
    "hold": ("Put on hold", "releases.authorise_change"),
    "release": ("Lift the hold", "releases.authorise_change"),
}
BY_APPROVALS = ("request_authorisation", "expedite")


@login_required
def change(request: HttpRequest, product: str, key: str) -> HttpResponse:
    """What it is, where it stands, what is next and what blocks it."""
    found = the_change(request, product, key)
    offered = offers(found, lambda right: policy.may(request.user, right, found))
    due = "expedite" if found.type == "emergency" and found.state == "new" else DUE.get(str(found.state), "")
    context = {
        "change": found,
        "product": found.product,
        "path": [(str(s), s.label) for s in PATH_OF.get(found.type, PATH)],
        "due": next((o for o in offered if o.name == due), None),
        "others": [o for o in offered if o.name != due and not (o.name == "expedite" and found.type != "emergency")],
        "addresses": {o.name: address(found, o.name) for o in offered},
        "refusals": {o.name: policy.refusal_text(o.step.right) for o in offered if o.step.right},
        "may_hold": policy.may(request.user, "releases.authorise_change", found),
        "may_edit": is_editable(found)
        and not _settled(found)
        and policy.may(request.user, "releases.contribute", found),
        "over": found.state in OVER,
        "approvals": frame.page("approvals:change", found.product.slug, found.key),
        "history": _history(found),
    }
    return render(request, "releases/change.html", context)


def _settled(found: Change) -> bool:
    """Whether it is a standard change that its release has settled with: the scope has to be reopened first."""
    release = found.release
    if found.template is None or release is None or release.state == ReleaseState.CANCELLED:
        return False
    return standing(release) not in BEFORE_READY


def address(found: Change, name: str) -> str:
    """Where a step of a change is taken: authorisation is requested in approvals, the rest here."""
    args = [found.product.slug, found.key]
    if name in BY_APPROVALS:
        return frame.page("approvals:request_change", *args)
    return frame.page("releases:change_step", *args, name)


def _history(found: Change) -> list[Event]:
    return list(Event.objects.filter(stream=stream_of(found)).select_related("actor").order_by("-seq")[:30])


@login_required
def edit(request: HttpRequest, product: str, key: str) -> HttpResponse:
    found = the_change(request, product, key)
    policy.require(request.user, "releases.contribute", found)
    names = list(ChangeForm.base_fields)
    initial = {name: getattr(found, name) for name in names}
    form = ChangeForm(request.POST or None, initial=initial, change=found)
    form.fields["key"].required = True
    if request.method == "POST" and form.is_valid():
        edited = knock(form, actions.edit_change, found.pk, actor=request.user, **form.cleaned_data)
        if edited:
            fell = found.template is not None and edited.template is None
            what_now = "It is a normal change now, to be assessed and authorised." if fell else ""
            messages.success(request, f"{edited.key} saved\n{what_now}".strip())
            return redirect("releases:change", product, edited.key)
    context = {"form": form, "change": found, "product": found.product}
    return render(request, "releases/change_edit.html", context, status=422 if form.errors else 200)


@login_required
def step(request: HttpRequest, product: str, key: str, name: str) -> HttpResponse:
    """GET: asks for the reason. POST: takes the step, or holds the change and lifts the hold."""
    found = the_change(request, product, key)
    if name not in EVENT_OF and name not in HOLDS:
        raise Http404
    context = _asks(request, found, name)
    if request.method != "POST":
        return render(request, "confirm.html", context)
    try:
        _knock(request, found, name)
    except Refused as refusal:
        return asked_again(request, context, refusal)
    messages.success(request, f"{found.key}: {context['submit'].lower()}")
    return redirect("releases:change", product, key)


def _knock(request: HttpRequest, found: Change, name: str) -> Change:
    reason = request.POST.get("reason", "")
    if name == "hold":
        return actions.hold_change(found.pk, actor=request.user, reason=reason)
    if name == "release":
        return actions.release_change(found.pk, actor=request.user, reason=reason)
    return actions.take_change_step(found.pk, name, actor=request.user, reason=reason)


def _asks(request: HttpRequest, found: Change, name: str) -> dict:
    declared = Change.machine.steps.get(name)
    label, right = HOLDS.get(name) or (declared.label, declared.right)
    asks_reason = name == "hold" or (declared is not None and declared.reason)
    return {
        "title": f"{label}: {found.key}",
        "text": found.title,
        "submit": label,
        "kind": "danger" if declared is not None and declared.tone == "bad" else "primary",
        "form": ReasonForm() if asks_reason else Form(),
        "blockers": _stand_in_the_way(request, found, declared, right),
        "back": found.get_absolute_url(),
        "keep": "Leave it as it is",
    }


def _stand_in_the_way(request: HttpRequest, found: Change, declared, right: str) -> list[Blocker]:
    if not policy.may(request.user, right, found):
        return [Blocker("forbidden", policy.refusal_text(right))]
    if declared is None:
        return []
    if str(found.state) not in declared.sources:
        return [Blocker("state", f"{declared.label} is not possible while it is {found.get_state_display().lower()}.")]
    return [b for a in gates.answers(declared.key, declared.gates, found) for b in a.blockers]
