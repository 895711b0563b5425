"""A page with every macro on it, served without a database: what the browser tests look at. Also their root of addresses."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.utils import timezone

from core.blockers import Blocker, Refused
from core.gates import Answer
from core.http import refusal
from portal import preferences
from portal.context import FreezeNote, ProductLine, Shell
from tests.ui.people import INES, NOOR

SOURCE = Path(__file__).with_suffix(".html")
STALE = Blocker("stale", "Stale. Tomasz passed rc.2; rc.3 replaced it.", "/fix/", "Ask Tomasz to test rc.3")


class QuietShell(Shell):
    """The shell with made-up rows."""

    inbox_count = (2, False)
    running_count = 1
    bell_count = 4
    products = [ProductLine("Payments API", "payments-api", "/products/payments-api/", "4.7.2", True)]
    freeze = FreezeNote("Peak trading", "Starts Fri 20 Nov, in 10 days. Ends Tue 1 Dec.", "/freezes/")


class PlanForm(forms.Form):
    product = forms.ChoiceField(choices=[("c", "Catalogue"), ("p", "Payments API")])
    version = forms.CharField(widget=forms.TextInput(attrs={"class": "mono"}))
    strategy = forms.ChoiceField(choices=[("major", "Major"), ("minor", "Minor")], widget=forms.RadioSelect)
    objective = forms.CharField(widget=forms.Textarea, required=False, help_text="One sentence.")
    starts = forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    tell = forms.BooleanField(required=False)


def gallery(request: HttpRequest) -> HttpResponse:
    """Every macro once. ?toast=1 leaves a message, ?refused=1 shows a form that came back."""
    request.user = INES
    if "toast" in request.GET:
        messages.success(request, "Window moved\n4 people were told.", extra_tags="undo:/undo/")
    form = PlanForm({"product": "p", "version": ""}) if "refused" in request.GET else PlanForm()
    return HttpResponse(engines["jinja2"].from_string(SOURCE.read_text()).render(context(form), request))


def context(form) -> dict:
    now = timezone.now()
    answers = [
        Answer("scope", "Scope is locked", [], "Fri 30 Oct, by Ines Calloway"),
        Answer("security", "Security sign-off", [STALE]),
        Answer("performance", "Performance sign-off", [], "No hot path changed.", waived=True),
    ]
    return {
        "answers": answers,
        "blockers": [STALE],
        "form": form,
        "ines": INES,
        "noor": NOOR,
        "soon": now + timedelta(days=2, hours=3),
        "past": now - timedelta(hours=3),
        "weeks": weeks(now.date()),
        "page": Paginator(range(112), 25).page(2),
        "lines": [
            SimpleNamespace(number=n, at=now, level=level, text="Batch 1") for n, level in enumerate(["info", "warn"])
        ],
        "steps": [
            SimpleNamespace(name="Migrate", state="succeeded", took=42),
            SimpleNamespace(name="Batch 1", state="running", note="Verifying", total=12, done=9),
            SimpleNamespace(name="Announce", state="waiting"),
        ],
        "rows": [
            SimpleNamespace(name="Catalogue", url="/c/", cells=[cell("3.0.0-rc.1", "ahead"), cell("2.22.4"), None])
        ],
    }


def cell(version, mode=""):
    return {"version": version, "url": "/r/", "sub": "41 changes ahead", "state": "", "is": mode}


def weeks(today):
    monday = today - timedelta(days=today.weekday())
    event = {"url": "/r/", "icon": "release", "tone": "info", "word": "Payments API 4.8.0"}
    return [
        {
            "number": number + 1,
            "days": [
                {
                    "date": (date := monday + timedelta(days=7 * number + n)),
                    "out": number == 2,
                    "today": date == today,
                    "freeze": "Peak freeze" if number == 1 and n > 2 else "",
                    "events": [event] if n == 3 else [],
                }
                for n in range(7)
            ],
        }
        for number in range(3)
    ]


def refuse(request: HttpRequest) -> HttpResponse:
    request.user = INES
    return refusal(request, Refused(STALE))


def word(text: str):
    return lambda request: HttpResponse(text)


portal = (
    [
        path("", gallery, name="home"),
        path("inbox/", gallery, name="inbox"),
        path("search/", word("results"), name="search"),
        path("theme/", preferences.theme, name="theme"),
    ],
    "portal",
)
urlpatterns = [path("", include(portal)), path("refuse/", refuse), path("rb/", word("rolled back"))]
