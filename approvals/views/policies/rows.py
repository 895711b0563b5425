"""The rows of a draft: written in a form with a set of rules, moved, doubled and removed."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from approvals import actions
from approvals.models import Policy, PolicyRow
from approvals.policy_forms import RowForm, RuleFormSet, people_to_ask, rules_of
from approvals.views.policies.frame import require_editor, the_policy, title_of
from core.blockers import Refused

PREFIX = "rules"


@login_required
def row(request: HttpRequest, pk: int, row_pk: int | None = None) -> HttpResponse:
    """Write a row, or with `row_pk` change one. POST `do=more` adds an empty rule to the form and saves nothing."""
    policy = the_policy(request, pk)
    require_editor(request)
    found = _row_of(policy, row_pk) if row_pk else None
    more = request.POST.get("do") == "more"
    data = _one_more(request.POST) if more else request.POST or None
    form = RowForm(data, policy=policy, row=found)
    rules = RuleFormSet(data, prefix=PREFIX, initial=rules_of(found), form_kwargs={"people": people_to_ask()})
    if request.method == "POST" and not more and form.is_valid() and rules.is_valid():
        saved = _save(form, rules, policy, found, request)
        if saved:
            messages.success(request, f"“{saved.name}” saved\nIt decides nothing until the draft is in force.")
            return redirect(f"{policy.get_absolute_url()}#row-{saved.pk}")
    failed = request.method == "POST" and not more and bool(form.errors or not rules.is_valid())
    context = {
        "policy": policy,
        "title": f"Row “{found.name}”" if found else "New row",
        "of": title_of(policy),
        "row": found,
        "form": form,
        "rules": rules,
        "back": policy.get_absolute_url(),
    }
    return render(request, "approvals/policy_row.html", context, status=422 if failed else 200)


def _row_of(policy: Policy, row_pk: int) -> PolicyRow:
    found = next((row for row in policy.rows.all() if row.pk == row_pk), None)
    if found is None:
        raise Http404
    return found


def _one_more(data):
    """What was posted, with room for one more rule."""
    data = data.copy()
    total = f"{PREFIX}-TOTAL_FORMS"
    count = data.get(total, "")
    data[total] = str(min(int(count) if count.isdecimal() and len(count) < 4 else 0, 49) + 1)
    return data


def _save(form: RowForm, rules, policy: Policy, found: PolicyRow | None, request: HttpRequest) -> PolicyRow | None:
    """What the door returns. What it says about the rules stands on top, everything else at its field."""
    door = partial(actions.save_row, policy.pk, found.pk if found else None, actor=request.user, rules=rules.wanted)
    try:
        return door(**form.wanted)
    except Refused as refusal:
        for blocker in refusal.blockers:
            form.add_error(blocker.field if blocker.field in form.fields else None, blocker.message)
        return None


STEPS = {
    "earlier": (partial(actions.move_row, by=-1), "moved up"),
    "later": (partial(actions.move_row, by=1), "moved down"),
    "double": (actions.double_row, "is the copy"),
    "remove": (actions.remove_row, "removed"),
}


@require_POST
@login_required
def step(request: HttpRequest, pk: str, row_pk: str, name: str) -> HttpResponse:
    """Move a row up or down, double it, or remove it."""
    policy = the_policy(request, int(pk))
    require_editor(request)
    found = _row_of(policy, int(row_pk))
    door, said = STEPS[name]
    row = door(policy.pk, found.pk, actor=request.user) or found
    messages.success(request, f"“{row.name}” {said}")
    anchor = f"#row-{row.pk}" if name != "remove" else ""
    return redirect(policy.get_absolute_url() + anchor)
