"""The page that asks for a reason before a deed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.blockers import Refused
from releases.forms.knock import ReasonForm, tell


def asked_again(request: HttpRequest, context: dict, refusal: Refused) -> HttpResponse:
    """The page once more, with what was typed and what is wrong with it (422). Any other refusal is raised, and answered by 409."""
    if any(b.field != "reason" for b in refusal.blockers):
        raise refusal
    form = ReasonForm(getattr(context["form"], "hint", ""), request.POST)
    tell(form, refusal)
    return render(request, "confirm.html", context | {"form": form}, status=422)
