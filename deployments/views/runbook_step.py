"""Steps of a runbook: written in a draft, begun and ended while it runs."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from core.forms import knock
from deployments.actions import runbook as writing
from deployments.actions import runbook_step as doing
from deployments.forms import StepForm
from deployments.models import RunbookStep
from deployments.views.asking import asked_for
from deployments.views.runbook import RIGHT, the_runbook
from releases import frame
from releases.models import Release

# verb of the address: (door, what is said afterwards)
AT_ONCE = {
    "begin": (doing.begin_step, "Begun"),
    "done": (doing.finish_step, "Done"),
    "take-over": (doing.take_over, "It is yours now"),
}
# verb: (door, title, what it means, submit, keep, what is said afterwards); {step} is its name
WITH_REASON = {
    "fail": (
        doing.fail_step,
        "What went wrong with “{step}”?",
        "What comes after it waits until it is tried again and done, or skipped.",
        "It failed",
        "Go back",
        "{step}: failed",
    ),
    "skip": (
        doing.skip_step,
        "Skip “{step}”?",
        "It is not done, and what comes after it goes on as if it were.",
        "Skip it",
        "Leave it",
        "{step}: skipped",
    ),
}


def the_step(request: HttpRequest, pk: int) -> RunbookStep:
    """Raises Http404 for what the reader may not see."""
    rows = RunbookStep.objects.select_related("runbook__release__product", "owner", "team")
    return get_object_or_404(rows.filter(runbook__release__in=Release.objects.visible_to(request.user)), pk=pk)


@login_required
def step_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a step to a draft."""
    book = the_runbook(request, pk)
    policy.require(request.user, RIGHT, book)
    form = StepForm(request.POST or None, runbook=book)
    return _written(request, book, form, lambda: writing.add_step(book.pk, actor=request.user, **form.fields_of_step))


@login_required
def step_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a step of a draft."""
    step = the_step(request, pk)
    policy.require(request.user, RIGHT, step)
    names = [name for name in StepForm.base_fields if name != "needs"]
    known = {name: getattr(step, name) for name in names} | {"needs": step.needs.all()}
    form = StepForm(request.POST or None, runbook=step.runbook, step=step, initial=known)
    door = lambda: writing.edit_step(step.pk, actor=request.user, **form.fields_of_step)  # noqa: E731
    return _written(request, step.runbook, form, door, step)


def _written(request, book, form, door, step=None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = knock(form, door)
        if saved:
            messages.success(request, f"{saved.name} saved")
            return redirect("deployments:step_new", book.pk) if "another" in request.POST else redirect(book)
    context = frame.of(request, book.release, "runbook") | {"form": form, "runbook": book, "step": step}
    return render(request, "deployments/runbook_step.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def step_arrange(request: HttpRequest, pk: int, way: str) -> HttpResponse:
    """Move a step of a draft up or down, or take it out."""
    step = the_step(request, pk)
    if way in ("up", "down"):
        writing.move_step(step.pk, actor=request.user, up=way == "up")
    elif way == "remove":
        writing.remove_step(step.pk, actor=request.user)
        messages.success(request, f"{step.name} removed\nWhat needed it now needs what it needed.")
    else:
        raise Http404
    return redirect(step.runbook)


@login_required
def step_act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Begin, end, take over, skip a step. GET asks for the reason where one is needed."""
    step = the_step(request, pk)
    if verb in AT_ONCE and request.method == "POST":
        door, said = AT_ONCE[verb]
        door(step.pk, actor=request.user)
        messages.success(request, f"{said}: {step.name}")
        return redirect(step.runbook)
    if verb not in WITH_REASON:
        raise Http404
    door, title, text, submit, keep, said = WITH_REASON[verb]
    asked = {
        "title": title.format(step=step.name),
        "text": text,
        "submit": submit,
        "keep": keep,
        "back": step.runbook.get_absolute_url(),
        "kind": "danger",
    }
    return asked_for(
        request,
        asked,
        lambda reason: door(step.pk, actor=request.user, reason=reason),
        said.format(step=step.name),
    )
