"""The scope tab: the changes of a release, added by hand, from those that wait, or from Git."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import policy
from core import wording
from releases import actions, frame, gitscope
from releases.forms.knock import knock
from releases.forms.scope import ChangeForm, NeedForm, RangeForm, TakeInForm, waiting
from releases.guards import standing
from releases.models import Release
from releases.repository import RepositoryError
from releases.states import BEFORE_READY, PLAN_EDITABLE
from releases.versions import SCHEMES
from releases.views.finding import the_release


@login_required
def scope(request: HttpRequest, product: str, version: str) -> HttpResponse:
    """GET: the changes and what the release needs, with forms. POST `do`: add, take_in, take_out, need, unneed."""
    release = the_release(request, product, version)
    forms = _forms(request, release)
    if request.method == "POST" and _acted(request, release, forms.get(request.POST.get("do"))):
        return redirect("releases:scope", product, version)
    return _scope_page(request, release, forms)


def _forms(request: HttpRequest, release: Release) -> dict[str, Form]:
    """The forms of the page by their `do`; the one that was sent is bound."""
    sent = lambda do: request.POST if request.POST.get("do") == do else None  # noqa: E731
    return {
        "add": ChangeForm(sent("add")),
        "take_in": TakeInForm(sent("take_in"), product=release.product),
        "need": NeedForm(sent("need"), release=release, reader=request.user),
    }


def _acted(request: HttpRequest, release: Release, form: Form | None) -> bool:
    """Whether something was done. The messages say what and with what consequence."""
    do, actor = request.POST.get("do"), request.user
    if do == "take_out":
        actions.take_out(release.pk, _number(request.POST.get("change")), actor=actor)
        return _said(request, "Taken out\nThe change waits without a release.")
    if do == "unneed":
        actions.remove_dependency(_number(request.POST.get("dependency")), actor=actor)
        return _said(request, "It is no longer needed")
    if form is None or not form.is_valid():
        return False
    return _knocked(request, release, form, do)


def _knocked(request: HttpRequest, release: Release, form: Form, do: str) -> bool:
    actor, data = request.user, form.cleaned_data
    if do == "take_in":
        done = knock(form, actions.take_in, release.pk, data["change"].pk, actor=actor)
        return bool(done) and _said(request, f"{data['change'].key} taken in")
    if do == "need":
        first = data["must_ship_first"]
        done = knock(form, actions.add_dependency, release.pk, data["needs"].pk, actor=actor, must_ship_first=first)
        return bool(done) and _said(request, f"It needs {data['needs']}")
    fields = {name: value for name, value in data.items() if name != "key" or value}
    change = knock(form, actions.add_change, release.product_id, actor=actor, release_id=release.pk, **fields)
    consequence = "It has to be approved before approval of the release is requested."
    return bool(change) and _said(request, f"{change.key} added\n{consequence}")


def _said(request: HttpRequest, text: str) -> bool:
    messages.success(request, text)
    return True


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0


def _scope_page(request: HttpRequest, release: Release, forms: dict[str, Form]) -> HttpResponse:
    failed = next((form for form in forms.values() if form.errors), None)
    context = frame.of(request, release, "scope") | {
        "changes": list(release.changes.select_related("author").order_by("pk")),
        "dependencies": list(release.dependencies.select_related("needs__product")),
        "forms": forms,
        "waiting": waiting(release.product).count(),
        "may_change": _may_change(request, release),
        "may_need": policy.may(request.user, "releases.plan_release", release) and standing(release) in PLAN_EDITABLE,
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
