"""The risks tab and the rollback tab."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import policy
from releases import actions, frame
from releases.forms.knock import knock
from releases.forms.risk import RiskForm, RollbackForm, TreatForm
from releases.guards import rollback_plan_incomplete, standing
from releases.models import Release, Risk, RollbackPlan
from releases.models.plan import HIGH_FROM, MEDIUM_FROM
from releases.states import PLAN_EDITABLE
from releases.views.finding import the_release

SCALE = (1, 2, 3, 4, 5)


@login_required
def risks(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """GET: matrix and list; `?risk=<id>` opens one to edit. POST `do`: add, edit, remove, treat, confirm."""
    release = the_release(request, product, version)
    form, chosen = None, _chosen(request, release)
    if request.method == "POST":
        form = _form(request, release, chosen)
        if _acted(request, release, form, chosen):
            return redirect("releases:risks", product, version)
    return _risks_page(request, release, form, chosen)


def _chosen(request: HttpRequest, release: Release) -> Risk | None:
    asked = request.POST.get("risk") or request.GET.get("risk") or ""
    if not asked:
        return None
    return get_object_or_404(
        release.risks.select_related("owner"), pk=int(asked) if asked.isdecimal() and len(asked) < 18 else 0
    )


def _form(request: HttpRequest, release: Release, risk: Risk | None):
    do = request.POST.get("do")
    if do in ("add", "edit"):
        return RiskForm(request.POST, product=release.product)
    return TreatForm(request.POST, product=release.product) if do == "treat" else None


def _acted(request: HttpRequest, release: Release, form, risk: Risk | None) -> bool:
    do = request.POST.get("do")
    if do == "confirm":
        actions.confirm_risks(release.pk, actor=request.user)
        messages.success(request, "List of risks confirmed")
        return True
    if do == "remove" and risk:
        actions.remove_risk(risk.pk, actor=request.user)
        messages.success(request, "Risk removed\nThe list has to be confirmed again.")
        return True
    if form is None or not form.is_valid():
        return False
    door, words = _door(do, release, risk)
    if door is None or knock(form, door, actor=request.user, **form.cleaned_data) is None:
        return False
    messages.success(request, words)
    return True


def _door(do: str, release: Release, risk: Risk | None):
    if do == "add":
        return lambda **kw: actions.add_risk(release.pk, **kw), "Risk listed\nThe list has to be confirmed again."
    if do == "edit" and risk:
        return lambda **kw: actions.edit_risk(risk.pk, **kw), "Risk changed\nThe list has to be confirmed again."
    if do == "treat" and risk:
        return lambda **kw: actions.treat_risk(risk.pk, **kw), "Treatment recorded"
    return None, ""


def _risks_page(request: HttpRequest, release: Release, form, chosen: Risk | None) -> HttpResponse:
    do = request.POST.get("do")
    listed = list(release.risks.select_related("owner", "treated_by"))
    open_ = standing(release) in PLAN_EDITABLE
    context = frame.of(request, release, "risks") | {
        "risks": listed,
        "chosen": chosen,
        "add": form if do == "add" else RiskForm(product=release.product),
        "edit": form if do == "edit" else _editing(release, chosen),
        "treat": form if do == "treat" else _treating(release, chosen),
        "matrix": _matrix(listed),
        "may_list": open_ and policy.may(request.user, "releases.contribute", release),
        "may_treat": open_ and policy.may(request.user, "releases.manage_release", release),
        "form": form,
    }
    return render(request, "releases/risks.html", context, status=422 if form is not None and form.errors else 200)


def _editing(release: Release, risk: Risk | None) -> RiskForm | None:
    if risk is None:
        return None
    names = ("title", "impact", "likelihood", "owner")
    return RiskForm(product=release.product, initial={n: getattr(risk, n) for n in names})


def _treating(release: Release, risk: Risk | None) -> TreatForm | None:
    if risk is None:
        return None
    return TreatForm(product=release.product, initial={n: getattr(risk, n) for n in ("treatment", "plan", "owner")})


def _matrix(listed: list[Risk]) -> list[dict]:
    """Rows from the highest impact down: {impact, cells: [{score, band, risks}]} by likelihood."""
    return [
        {
            "impact": impact,
            "cells": [
                {
                    "score": impact * likelihood,
                    "band": _band(impact * likelihood),
                    "risks": [r for r in listed if (r.impact, r.likelihood) == (impact, likelihood)],
                }
                for likelihood in SCALE
            ],
        }
        for impact in reversed(SCALE)
    ]


def _band(score: int) -> str:
    return "high" if score >= HIGH_FROM else "medium" if score >= MEDIUM_FROM else "low"


@login_required
def rollback(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """The rollback plan: shown, and as a form for those who may write it."""
    release = the_release(request, product, version)
    plan = RollbackPlan.objects.filter(release=release).select_related("owner").first()
    form = RollbackForm(request.POST or None, product=release.product, initial=_plan_of(plan))
    if request.method == "POST" and form.is_valid():
        saved = knock(form, actions.save_rollback_plan, release.pk, actor=request.user, **form.cleaned_data)
        if saved:
            messages.success(request, "Rollback plan saved")
            return redirect("releases:rollback", product, version)
    may = standing(release) in PLAN_EDITABLE and policy.may(request.user, "releases.contribute", release)
    context = frame.of(request, release, "rollback") | {
        "plan": plan,
        "form": form if may or form.errors else None,
        "missing": rollback_plan_incomplete(release),
    }
    return render(request, "releases/rollback.html", context, status=422 if form.errors else 200)


def _plan_of(plan: RollbackPlan | None) -> dict:
    plan = plan or RollbackPlan()
    return {name: getattr(plan, name) for name in RollbackForm.base_fields}
