"""The approvals of one change, and the page on which a change that nobody was asked about is recorded."""

from functools import partial

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import policy
from approvals import actions, ledger, matching
from approvals.models import ApprovalRequest
from approvals.subjects import KINDS
from core.forms import knock
from releases.models import Product
from releases.views.finding import the_change

REQUESTS = 20


class DiscoveredForm(forms.Form):
    """What was found in place, and by which commits."""

    title = forms.CharField(label="What was changed", max_length=200)
    description = forms.CharField(
        label="How it was found", required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=10_000
    )
    commits = forms.CharField(
        label="Commits",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Full commit ids, one in a line, where they are known.",
    )

    def clean_commits(self) -> list[str]:
        return self.cleaned_data["commits"].split()


@login_required
def approvals(request: HttpRequest, product: str, key: str) -> HttpResponse:
    """`/changes/<product>/<key>/approvals/`: every request about it, the newest first, each with its ledger."""
    change = the_change(request, product, key)
    prefetch_related_objects([change], *KINDS["change"].parts, *matching.TABLES)
    requests = list(change.requests.with_votes()[:REQUESTS])
    for one in requests:
        one.change = change
    context = {
        "change": change,
        "asked": [(one, ledger.of(one)) for one in requests],
        "may_ask_again": policy.may(request.user, "releases.contribute", change) and not request.user.is_service,
    }
    return render(request, "approvals/change.html", context)


@require_POST
@login_required
def ask_again(request: HttpRequest, pk: int) -> HttpResponse:
    """`/inbox/<id>/ask-again/`: asks for a rejected retrospective approval anew, and opens the new request."""
    found = ApprovalRequest.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    made = actions.ask_again(pk, actor=request.user)
    messages.success(request, "Asked again\nThose who decide were told.")
    return redirect("portal:inbox_item", made.pk)


@login_required
def discovered(request: HttpRequest, slug: str) -> HttpResponse:
    """`/products/<slug>/unauthorised/`: records a change that was found in place without an approval."""
    product = Product.objects.visible_to(request.user).filter(slug=slug).first()
    if product is None:
        raise Http404
    policy.require(request.user, "releases.contribute", product)
    form = DiscoveredForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = knock(
            form, partial(actions.record_unauthorised_change, product.pk, actor=request.user, **form.cleaned_data)
        )
        if made:
            messages.success(request, f"{made.key} recorded\nThose who would have decided are asked afterwards.")
            return redirect(made.get_absolute_url())
    context = {
        "title": "Record a change that nobody was asked about",
        "text": f"It is in place in {product} without an approval. Whoever would have decided is asked now.",
        "submit": "Record it",
        "keep": "Go back",
        "back": product.get_absolute_url(),
        "form": form,
    }
    return render(request, "confirm.html", context, status=422 if form.errors else 200)
