"""The notes tab: draft from the scope, edit, preview, review."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from releases import actions, frame
from releases.forms.knock import knock, text
from releases.models import Release
from releases.notes import draft
from releases.states import FINISHED
from releases.views.finding import the_release


class NotesForm(Form):
    text = text("Release notes", rows=16, mono=True, help_text="Markdown. Readers are those who use the product.")


@login_required
def notes(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """POST `do`: draft (fills the form from the scope), preview, save, review."""
    release = the_release(request, product, version)
    do = request.POST.get("do")
    form = NotesForm(request.POST if do in ("save", "preview") else None, initial={"text": release.notes})
    if do == "draft":
        form = NotesForm(initial={"text": draft(release)})
    elif do == "review":
        actions.review_notes(release.pk, actor=request.user)
        messages.success(request, "Release notes reviewed")
        return redirect("releases:notes", product, version)
    elif do == "save" and form.is_valid() and _saved(request, release, form):
        return redirect("releases:notes", product, version)
    may_write = release.state not in FINISHED and policy.may(request.user, "releases.contribute", release)
    context = frame.of(request, release, "notes") | {
        "form": form,
        "preview": request.POST.get("text", "") if do == "preview" else release.notes,
        "unsaved": do in ("draft", "preview"),
        "may_write": may_write,
        "may_review": release.notes
        and not release.notes_reviewed_at
        and policy.may(request.user, "releases.manage_release", release),
    }
    return render(request, "releases/notes.html", context, status=422 if form.errors else 200)


def _saved(request: HttpRequest, release: Release, form: NotesForm) -> bool:
    saved = knock(form, actions.save_notes, release.pk, actor=request.user, text=form.cleaned_data["text"])
    if saved:
        messages.success(request, "Release notes saved\nThe release manager reviews them.")
    return bool(saved)
