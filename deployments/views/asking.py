"""Deeds that ask for a reason first."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from core.blockers import Refused


def asked_for(request: HttpRequest, asked: dict, door: Callable[[str], object], done: str) -> HttpResponse:
    """The page that asks for a reason, which keeps what was typed (422), or the deed and back to where it was asked."""
    if request.method != "POST":
        return render(request, "confirm.html", asked)
    reason = request.POST.get("reason", "")
    try:
        door(reason)
    except Refused as refusal:
        missing = next((b.message for b in refusal.blockers if b.field == "reason"), "")
        if not missing:
            raise
        return render(request, "confirm.html", asked | {"reason_error": missing, "reason_value": reason}, status=422)
    messages.success(request, done)
    return redirect(asked["back"])
