"""The scope tab: the changes of a release, added by hand, from those that wait, or from Git."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from core import wording
from releases import actions, frame, gitscope
from releases.forms.knock import knock
from releases.forms.scope import ChangeForm, RangeForm, TakeInForm, waiting
from releases.guards import standing
from releases.models import Release
from releases.repository import RepositoryError
from releases.states import BEFORE_READY
from releases.versions import SCHEMES
from releases.views.finding import the_release


@login_required
def scope(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """GET: the changes and two forms. POST `do`: add, take_in, take_out."""
    release = the_release(request, product, version)
    add = ChangeForm(request.POST if request.POST.get("do") == "add" else None)
    choose = TakeInForm(request.POST if request.POST.get("do") == "take_in" else None, product=release.product)
    if request.method == "POST" and _acted(request, release, add, choose):
        return redirect("releases:scope", product, version)
    return _scope_page(request, release, add, choose)


def _acted(request: HttpRequest, release: Release, add: ChangeForm, choose: TakeInForm) -> bool:
    do = request.POST.get("do")
    if do == "take_out":
        actions.take_out(release.pk, _number(request.POST.get("change")), actor=request.user)
        messages.success(request, "Taken out\nThe change waits without a release.")
        return True
    if do == "take_in" and choose.is_valid():
        change = choose.cleaned_data["change"]
        if knock(choose, actions.take_in, release.pk, change.pk, actor=request.user):
            messages.success(request, f"{change.key} taken in")
            return True
    if do == "add" and add.is_valid():
        fields = {name: value for name, value in add.cleaned_data.items() if name != "key" or value}
        change = knock(add, actions.add_change, release.product_id, actor=request.user, release_id=release.pk, **fields)
        if change:
            messages.success(
                request, f"{change.key} added\nIt has to be approved before approval of the release is requested."
            )
            return True
    return False


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0


def _scope_page(request: HttpRequest, release: Release, add: ChangeForm, choose: TakeInForm) -> HttpResponse:
    failed = add if add.errors else choose if choose.errors else None
    context = frame.of(request, release, "scope") | {
        "changes": list(release.changes.select_related("author").order_by("pk")),
        "add": add,
        "choose": choose,
        "waiting": waiting(release.product).count(),
        "may_change": _may_change(request, release),
        "form": failed,
    }
    return render(request, "releases/scope.html", context, status=422 if failed else 200)


def _may_change(request: HttpRequest, release: Release) -> bool:
    return policy.may(request.user, "releases.contribute", release) and standing(release) in BEFORE_READY


@login_required
def scope_git(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """`?since=<tag>&until=<tag>` lists what lies between; POST takes the ticked proposals in."""
    release = the_release(request, product, version)
    policy.require(request.user, "releases.contribute", release)
    context = frame.of(request, release, "scope") | {
        "trouble": "",
        "range": None,
        "found": None,
        "offered": [],
        "form": None,
    }
    if release.product.repository:
        try:
            context |= _read(request, release)
        except RepositoryError as error:
            context["trouble"] = str(error)
    if request.method == "POST" and context["found"]:
        answer = _take(request, release, context)
        if answer:
            return answer
    return render(request, "releases/scope_git.html", context, status=422 if request.method == "POST" else 200)


def _read(request: HttpRequest, release: Release) -> dict:
    """The range form, and what lies between its tags once they are chosen."""
    tags = gitscope.tags(release.product)
    chosen = request.GET if "until" in request.GET else None
    form = RangeForm(chosen, tags=tags, initial=_last_shipped(release, tags))
    if chosen is None or not form.is_valid():
        return {"range": form}
    found = gitscope.between(release.product, form.cleaned_data["since"], form.cleaned_data["until"])
    return {"range": form, "found": found, "offered": gitscope.offered(release.product, release, found)}


def _last_shipped(release: Release, tags: list) -> dict:
    """From the newest tag of an older version to this release's own tag, where it is tagged, else to the latest commit."""
    scheme, prefix = SCHEMES[release.product.scheme], release.product.tag_prefix
    own = f"{prefix}{release.version}"
    names = [tag.name for tag in tags]
    older = [
        name for name in names if name.startswith(prefix) and _is_older(scheme, name[len(prefix) :], release.version)
    ]
    newest = max(older, key=lambda name: scheme.sort_key(name[len(prefix) :]), default="")
    return {"since": newest, "until": own if own in names else "HEAD"}


def _is_older(scheme, one: str, than: str) -> bool:
    try:
        return scheme.ordered and not scheme.parse(one).is_prerelease and bool(scheme.is_newer(than, than=one))
    except ValueError:
        return False


def _take(request: HttpRequest, release: Release, context: dict) -> HttpResponse | None:
    ticked = set(request.POST.getlist("chosen"))
    found = context["found"]
    proposals = [p for p in found.proposals if p.key in ticked]
    form = context["range"]
    taken = knock(form, actions.take_from_git, release.pk, proposals, actor=request.user, authors=found.authors)
    if taken is None:
        context |= {"form": form, "ticked": ticked}
        return None
    messages.success(request, f"{wording.plural(len(taken), 'change')} taken in from Git")
    return redirect("releases:scope", release.product.slug, release.version)
