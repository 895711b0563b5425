"""People and service accounts: everyone signed in sees them, those who keep people change them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import actions, policy, scopes
from accounts.actions import MANAGE
from accounts.forms import AbsenceForm, NewPersonForm, PeopleFilter, PersonForm, RoleForm, TokenForm
from accounts.held import held_by, in_words
from accounts.models import Grant, Team, User
from accounts.presence import away_now, hours_of
from core.forms import knock

PER_PAGE = 50


@require_safe
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with their roles, filtered by name, role and kind, in pages."""
    form = PeopleFilter(request.GET)
    everybody = User.objects.order_by("first_name", "last_name", "pk")
    found = chosen(everybody, form.cleaned_data if form.is_valid() else {}, request.user)
    page = Paginator(found.prefetch_related(_grants(), _teams(), away_now()), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "form": form,
        "filtered": any(request.GET.get(name) for name in form.fields),
        "everybody": everybody.filter(is_active=True, is_service=False).count(),
        "roles": in_words(page, request.user),
        "may_keep": policy.may(request.user, MANAGE),
        "refusal": policy.refusal_text(MANAGE),
    }
    return render(request, "accounts/people.html", context)


def chosen(people: QuerySet[User], filters: dict, reader: User) -> QuerySet[User]:
    """The people that a filter asks for. A role counts where the reader can see that it is held."""
    show = filters.get("show", "")
    if show != "all":
        people = people.filter(is_active=show != "off")
    if show in ("", "service"):
        people = people.filter(is_service=show == "service")
    for word in filters.get("q", "").split():
        people = people.filter(
            Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(username__icontains=word)
        )
    if role := filters.get("role"):
        grants = scopes.grants_seen_by(reader).filter(role=role)
        people = people.filter(Q(grants__in=grants) | Q(teams__grants__in=grants)).distinct()
    return people


def _grants() -> Prefetch:
    return Prefetch("grants", Grant.objects.select_related("given_by"))


def _teams() -> Prefetch:
    return Prefetch("teams", Team.objects.order_by("name").prefetch_related(_grants()))


@require_safe
@login_required
def person(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, pk)


def _page(request: HttpRequest, pk: int, status: int = 200, secret: str = "", **forms) -> HttpResponse:
    found = get_object_or_404(User.objects.prefetch_related(_grants(), _teams()), pk=pk)
    may_keep = policy.may(request.user, MANAGE)
    keeps_hours = actions.may_keep_hours(request.user, found)
    keeps_somewhere = policy.may_anywhere(request.user, MANAGE)
    context = {
        "person": found,
        **hours_of(found),
        "keeps_hours": keeps_hours,
        "absence_form": AbsenceForm(person=found, reader=request.user) if keeps_hours else None,
        "held": held_by(found, request.user),
        "form": forms.get("role_form") or forms.get("token_form"),
        "role_form": (forms.get("role_form") or RoleForm(giver=request.user)) if keeps_somewhere else None,
        "token_form": forms.get("token_form") or TokenForm(),
        "tokens": found.api_tokens.order_by("-created_at") if found.is_service and may_keep else None,
        "secret": secret,
        "may_keep": may_keep,
        "refusal": policy.refusal_text(MANAGE),
    }
    return render(request, "accounts/person.html", context, status=status)


@sensitive_post_parameters("password")
@never_cache
@login_required
def person_new(request: HttpRequest) -> HttpResponse:
    """Add a person with a first password, or a service account."""
    policy.require(request.user, MANAGE)
    form = NewPersonForm(request.POST or None)
    if form.is_valid() and (added := knock(form, lambda: actions.add_person(actor=request.user, **form.cleaned_data))):
        messages.success(request, f"{added.name} is here\nGive them their roles now.")
        return redirect(added)
    return render(request, "accounts/person_new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
def person_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a name, an address, a time zone."""
    policy.require(request.user, MANAGE)
    found = get_object_or_404(User, pk=pk)
    form = PersonForm(request.POST or None, instance=get_object_or_404(User, pk=pk))
    if form.is_valid() and knock(form, lambda: actions.change_person(pk, actor=request.user, **form.cleaned_data)):
        messages.success(request, "Saved")
        return redirect(found)
    return render(
        request, "accounts/person_edit.html", {"form": form, "person": found}, status=422 if form.errors else 200
    )


@require_POST
@login_required
def give_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a role."""
    found = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST, giver=request.user)
    if form.is_valid() and knock(
        form,
        lambda: actions.give_role(
            form.cleaned_data["role"], actor=request.user, user=found, scope=form.cleaned_data["scope"]
        ),
    ):
        return redirect(f"{found.get_absolute_url()}#roles")
    return _page(request, pk, 422, role_form=form)


@require_POST
@login_required
def take_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a role back from a person or a team."""
    grant = get_object_or_404(scopes.grants_seen_by(request.user).select_related("user", "team"), pk=pk)
    actions.take_role(pk, actor=request.user)
    holder = grant.user or grant.team
    messages.success(request, f"{grant.what.name} taken back from {holder.name}")
    return redirect(f"{holder.get_absolute_url()}#roles")


@require_POST
@login_required
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch an account off (at once, everywhere) or on again."""
    on = request.POST.get("on") == "yes"
    changed = actions.change_person(pk, actor=request.user, is_active=on)
    what = (
        "on\nThey sign in again with their password." if on else "off\nSessions, tokens and calendar feed have ended."
    )
    messages.success(request, f"{changed.name} is switched {what}")
    return redirect(changed)


@never_cache
@require_POST
@login_required
def make_token(request: HttpRequest, pk: int) -> HttpResponse:
    """A token for a service account; its secret is in this answer alone."""
    owner = get_object_or_404(User, pk=pk, is_service=True)
    form = TokenForm(request.POST)
    if form.is_valid() and (
        made := knock(form, lambda: actions.create_token(actor=request.user, owner=owner, **form.cleaned_data))
    ):
        return _page(request, pk, secret=made[1])
    policy.require(request.user, MANAGE)
    return _page(request, pk, 422, token_form=form)
