"""The runbook of a release: written while it is a draft, followed live while it runs, a record afterwards."""

import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from accounts import policy
from core.forms import knock
from core.machine import offers
from deployments.actions import runbook as doors
from deployments.cutover import Cutover
from deployments.forms import CopyForm, RunbookForm
from deployments.models import Runbook
from deployments.states import RunbookState
from deployments.views.tab import the_release
from releases import frame
from releases.models import Release

RIGHT = doors.RIGHT
OVER = 286  # htmx: swap, and stop polling


@login_required
def runbook(request: HttpRequest, product: str, version: str, pk: int | None = None) -> HttpResponse:
    """The tab: the runbook that runs, else the newest; or the one asked for."""
    release = the_release(request, product, version)
    books = list(release.runbooks.select_related("started_by", "created_by").order_by("-pk"))
    book = (
        _chosen(books, pk) if pk else next((b for b in books if b.state == RunbookState.RUNNING), (books or [None])[0])
    )
    may = policy.may(request.user, RIGHT, release)
    context = frame.of(request, release, "runbook") | {
        "books": books,
        "runbook": book,
        "may": may,
        "refusal": policy.refusal_text(RIGHT),
    }
    if book is None:
        context |= {"form": RunbookForm(), "copy": CopyForm(release=release) if may else None}
    else:
        book.release = release
        context |= live_context(request, book) | {"offers": _offers(request, book)}
    return render(request, "deployments/runbook.html", context)


def _chosen(books: list[Runbook], pk: int) -> Runbook | None:
    found = next((book for book in books if book.pk == pk), None)
    if found is None:
        raise Http404
    return found


def _offers(request: HttpRequest, book: Runbook) -> dict:
    return {o.name: o for o in offers(book, lambda right: policy.may(request.user, right, book))}


def live_context(request: HttpRequest, book: Runbook) -> dict:
    return {"runbook": book, "cutover": Cutover(book, request.user), "is_polled": book.state == RunbookState.RUNNING}


@login_required
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What changes, for a poll: 204 while it looks as it did (`?seen=`), 286 with the last look once it is over."""
    book = the_runbook(request, pk)
    context = live_context(request, book)
    seen = seen_of(request, context)
    if seen == request.GET.get("seen") and context["is_polled"]:
        return HttpResponse(status=204)
    answer = render(request, "deployments/_runbook_live.html", context | {"seen": seen})
    answer.status_code = 200 if context["is_polled"] else OVER
    return answer


def seen_of(request: HttpRequest, context: dict) -> str:
    """A fingerprint of what the live part looks like, to the minute."""
    text = render_to_string("deployments/_runbook_live.html", context | {"seen": ""}, request)
    bare = "".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)
    return hashlib.sha256(bare.encode()).hexdigest()[:16]


def the_runbook(request: HttpRequest, pk: int) -> Runbook:
    """Raises Http404 for what the reader may not see."""
    rows = Runbook.objects.select_related("release__product", "started_by", "created_by")
    return get_object_or_404(rows.filter(release__in=Release.objects.visible_to(request.user)), pk=pk)


@login_required
def runbook_new(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """Begin one: empty, or as a copy of an earlier one of the product (`copy`)."""
    release = the_release(request, product, version)
    policy.require(request.user, RIGHT, release)
    copying = "copy" in request.POST
    form = RunbookForm(None if copying else request.POST or None)
    copy = CopyForm(request.POST if copying else None, release=release)
    made = None
    if request.method == "POST" and copying and copy.is_valid():
        source = copy.cleaned_data["runbook"]
        made = knock(copy, lambda: doors.copy_runbook(source.pk, release.pk, actor=request.user))
    elif request.method == "POST" and not copying and form.is_valid():
        made = knock(form, lambda: doors.add_runbook(release.pk, actor=request.user, **form.cleaned_data))
    if made:
        messages.success(request, "Runbook added\nNobody is told before it is started.")
        return redirect("deployments:runbook_of", product, version, made.pk)
    context = frame.of(request, release, "runbook") | {"form": form, "copy": copy}
    wrong = form.errors or copy.errors
    return render(request, "deployments/runbook_new.html", context, status=422 if wrong else 200)


@login_required
def runbook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Name and planned start of a draft."""
    book = the_runbook(request, pk)
    policy.require(request.user, RIGHT, book)
    form = RunbookForm(request.POST or None, initial={"name": book.name, "starts_at": book.starts_at})
    if request.method == "POST" and form.is_valid():
        saved = knock(form, lambda: doors.edit_runbook(book.pk, actor=request.user, **form.cleaned_data))
        if saved:
            return redirect(saved)
    context = frame.of(request, book.release, "runbook") | {"form": form, "runbook": book}
    return render(request, "deployments/runbook_edit.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def runbook_start(request: HttpRequest, pk: int) -> HttpResponse:
    book = the_runbook(request, pk)
    doors.start_runbook(book.pk, actor=request.user)
    messages.success(request, "The runbook runs\nWhoever has the first steps was told.")
    return redirect(book)


@require_POST
@login_required
def runbook_remove(request: HttpRequest, pk: int) -> HttpResponse:
    book = the_runbook(request, pk)
    release = doors.remove_runbook(book.pk, actor=request.user)
    messages.success(request, f"{book.name} removed")
    return redirect("deployments:runbook", release.product.slug, release.version)


@login_required
def runbook_abort(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: asks why. POST: ends it where it stands."""
    book = the_runbook(request, pk)
    if request.method == "POST":
        doors.abort_runbook(book.pk, actor=request.user, reason=request.POST.get("reason", ""))
        messages.success(request, "Runbook aborted\nNothing was undone; a deployment that runs goes on.")
        return redirect(book)
    policy.require(request.user, RIGHT, book)
    context = {
        "title": f"Abort “{book.name}”?",
        "text": "It ends where it stands. Nothing is undone, and a deployment that runs goes on: it has a page of its own.",
        "submit": "Abort the runbook",
        "keep": "Go on with it",
        "back": book.get_absolute_url(),
        "kind": "danger",
    }
    return render(request, "confirm.html", context)
