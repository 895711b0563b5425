"""One version: its rows, how it differs from what holds, and the steps that it takes."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals import actions, matching, trial, versions
from approvals.models import Policy
from approvals.policy_forms import ReasonForm, VersionForm
from approvals.states import PolicyState, Subject
from approvals.views.policies.frame import page, require_editor, the_policy, title_of
from core import gates
from core.blockers import Refused
from core.forms import knock


@require_safe
@login_required
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    """A version with its rows in the order in which they are asked."""
    found = the_policy(request, pk)
    return page(request, found, "policy", rows=matching.in_order(found.rows.all()))


@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft's mode, note and start."""
    found = the_policy(request, pk)
    require_editor(request)
    form = VersionForm(request.POST or None, policy=found)
    door = partial(actions.edit_policy, pk, actor=request.user)
    if request.method == "POST" and form.is_valid() and knock(form, lambda: door(**form.cleaned_data)):
        messages.success(request, "Draft saved\nIt decides nothing yet.")
        return redirect(found)
    context = {
        "title": f"Edit {title_of(found)}",
        "submit": "Save the draft",
        "keep": "Leave it as it was",
        "back": found.get_absolute_url(),
        "form": form,
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """How a version differs from the one in force, or with `?with=<id>` from another of its kind."""
    found = the_policy(request, pk)
    line = list(versions.history(found.subject).exclude(pk=pk))
    wanted = request.GET.get("with", "")
    if wanted and wanted not in {str(other.pk) for other in line}:
        raise Http404
    default = next((p for p in line if p.state == PolicyState.IN_FORCE), None) or _before(found, line)
    chosen = wanted or (str(default.pk) if default else "")
    other = versions.whole().get(pk=chosen) if chosen else None
    context = {
        "line": line,
        "other": other,
        "difference": versions.difference(other, found) if other else [],
        "same": versions.alike(other, found) if other else [],
    }
    return page(request, found, "policy_compare", **context)


def _before(policy: Policy, line: list[Policy]) -> Policy | None:
    return next((p for p in line if p.pk == policy.based_on_id), None)


@login_required
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: who decides over the draft, and whether they could. POST: ask them."""
    found = the_policy(request, pk)
    require_editor(request)
    blockers, refused = [], False
    if request.method == "POST":
        try:
            asked = actions.propose_policy(pk, actor=request.user)
        except Refused as refusal:
            blockers, refused = refusal.blockers, True
        else:
            messages.success(request, "Proposed\nThose who decide over policies are asked; it holds once they agree.")
            return redirect(asked)
    found.asking = request.user
    deciding = versions.whole().filter(subject=Subject.POLICY, state=PolicyState.IN_FORCE).first()
    context = {
        "answers": gates.answers("policy.propose", Policy.machine.steps["propose"].gates, found),
        "tried": trial.of_subject(deciding, found, request.user) if deciding else None,
        "blockers": blockers,
        "proposing": True,
        "in_force": Policy.objects.in_force().filter(subject=found.subject).first(),
    }
    return page(request, found, "policy_propose", status=409 if refused else 200, **context)


@login_required
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a draft, or an approved version that is not in force yet, up; with a reason."""
    found = the_policy(request, pk)
    require_editor(request)
    form = ReasonForm(request.POST or None)
    door = partial(actions.discard_policy, pk, actor=request.user)
    if request.method == "POST" and form.is_valid() and knock(form, lambda: door(**form.cleaned_data)):
        messages.success(request, "Discarded\nWhat is in force stays in force.")
        return redirect("approvals:policies")
    context = {
        "title": f"Discard {title_of(found)}?",
        "text": "It stays readable, and never comes in force. What is in force stays in force.",
        "submit": "Discard it",
        "kind": "danger",
        "keep": "Keep it",
        "back": reverse("approvals:policy", args=[pk]),
        "form": form,
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)
