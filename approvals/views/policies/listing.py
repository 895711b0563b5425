"""The decision tables: those in force, those being worked on, and those that held once."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import policy as rights
from approvals import actions, versions
from approvals.models import Policy
from approvals.policy_forms import DayForm
from approvals.states import Subject
from approvals.views.policies.frame import RIGHT, may_edit, require_sight

PER_PAGE = 20


@require_safe
@login_required
def policies(request: HttpRequest) -> HttpResponse:
    """The policy in force per kind of subject with its drafts beside it; `?on=<day>`: those that held on a day."""
    require_sight(request)
    form = DayForm(request.GET or None)
    day = form.cleaned_data["on"] if form.is_bound and form.is_valid() else None
    context = {
        "form": form,
        "day": day,
        "held": versions.held_on(day) if day else [],
        "lines": [] if day else versions.lines(),
        "may_edit": may_edit(request),
        "only": "" if may_edit(request) else rights.refusal_text(RIGHT),
    }
    return render(request, "approvals/policies.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def history(request: HttpRequest, subject: str) -> HttpResponse:
    """Every version of the policy of a kind of subject, with since when and until when it held."""
    require_sight(request)
    if subject not in Subject.values:
        raise Http404
    context = {
        "subject": Subject(subject),
        "page": Paginator(versions.history(subject), PER_PAGE).get_page(request.GET.get("page")),
        "back": reverse("approvals:policies"),
    }
    return render(request, "approvals/policy_history.html", context)


@require_POST
@login_required
def draft(request: HttpRequest) -> HttpResponse:
    """POST `subject`, perhaps `based_on`: begin a new version and open it."""
    require_sight(request)
    based_on = request.POST.get("based_on", "")
    if based_on and not (based_on.isdecimal() and len(based_on) < 18):
        raise Http404
    source = int(based_on) if based_on else None
    try:
        made = actions.draft_policy(request.POST.get("subject", ""), actor=request.user, based_on=source)
    except Policy.DoesNotExist:
        raise Http404 from None
    messages.success(request, "Draft begun\nIt decides nothing until those who decide over policies agree to it.")
    return redirect(made)
