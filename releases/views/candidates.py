"""The candidates tab: the builds that may ship, and a form for the next one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from releases import frame, gitscope
from releases.actions import add_candidate
from releases.forms.candidate import CandidateForm
from releases.forms.knock import knock
from releases.guards import carries_candidate
from releases.models import Release
from releases.versions import SCHEMES
from releases.views.finding import the_release


@login_required
def candidates(request: HttpRequest, product: str, version: str) -> HttpResponse:
    release = the_release(request, product, version)
    may_add = policy.may(request.user, "releases.contribute", release) and carries_candidate(release)
    form = _form(request, release) if may_add or request.method == "POST" else None
    if request.method == "POST" and form.is_valid():
        added = knock(form, add_candidate, release.pk, actor=request.user, **form.cleaned_data)
        if added:
            stale = (
                "Sign-offs and approvals of the one before are stale."
                if added.number > 1
                else "Testers can sign it off."
            )
            messages.success(request, f"{added.version} added\n{stale}")
            return redirect("releases:candidates", product, version)
    context = frame.of(request, release, "candidates") | {
        "candidates": list(release.candidates.select_related("added_by")),
        "form": form,
        "may_add": may_add,
        "next_version": _next_version(release),
    }
    return render(request, "releases/candidates.html", context, status=422 if form and form.errors else 200)


def _form(request: HttpRequest, release: Release) -> CandidateForm:
    if request.method == "POST":
        return CandidateForm(request.POST)
    return CandidateForm(initial={"commit": gitscope.commit_of(release.product, release.version)})


def _next_version(release: Release) -> str:
    last = release.candidates.order_by("-number").values_list("number", flat=True).first()
    return SCHEMES[release.product.scheme].candidate(release.version, (last or 0) + 1)
