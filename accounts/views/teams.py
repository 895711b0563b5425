"""Teams, and the roles they hold together."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import actions, policy
from accounts.actions import MANAGE
from accounts.forms import MemberForm, RoleForm, TeamForm
from accounts.held import held_by_team, in_words
from accounts.models import Grant, Team, User
from accounts.presence import away_now
from core.forms import knock

PER_PAGE = 50


@require_safe
@login_required
def teams(request: HttpRequest) -> HttpResponse:
    found = Team.objects.select_related("lead").prefetch_related("grants").annotate(size=Count("members"))
    page = Paginator(found.order_by("name"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "roles": in_words(page, request.user),
        "may_keep": policy.may(request.user, MANAGE),
        "refusal": policy.refusal_text(MANAGE),
    }
    return render(request, "accounts/teams.html", context)


@login_required
def team_new(request: HttpRequest) -> HttpResponse:
    """Make a team."""
    policy.require(request.user, MANAGE)
    form = TeamForm(request.POST or None)
    if form.is_valid() and (made := knock(form, lambda: actions.add_team(actor=request.user, **form.cleaned_data))):
        messages.success(request, f"Team {made.name} made\nAdd its members and roles now.")
        return redirect(made)
    return render(request, "accounts/team_form.html", {"form": form, "team": None}, status=422 if form.errors else 200)


@require_safe
@login_required
def team(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, slug)


def _page(request: HttpRequest, slug: str, status: int = 200, **forms) -> HttpResponse:
    members = Prefetch("members", User.objects.order_by("first_name", "last_name", "pk").prefetch_related(away_now()))
    grants = Prefetch("grants", Grant.objects.select_related("given_by"))
    found = get_object_or_404(Team.objects.select_related("lead").prefetch_related(members, grants), slug=slug)
    may_keep = policy.may(request.user, MANAGE)
    keeps_somewhere = policy.may_anywhere(request.user, MANAGE)
    context = {
        "team": found,
        "held": held_by_team(found, request.user),
        "form": forms.get("role_form") or forms.get("member_form"),
        "role_form": (forms.get("role_form") or RoleForm(giver=request.user)) if keeps_somewhere else None,
        "member_form": (forms.get("member_form") or MemberForm(team=found)) if may_keep else None,
        "may_keep": may_keep,
        "refusal": policy.refusal_text(MANAGE),
    }
    return render(request, "accounts/team.html", context, status=status)


@login_required
def team_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename a team, name its lead. The address stays."""
    policy.require(request.user, MANAGE)
    found = get_object_or_404(Team, slug=slug)
    form = TeamForm(request.POST or None, instance=get_object_or_404(Team, slug=slug))
    if form.is_valid() and knock(form, lambda: actions.change_team(found.pk, actor=request.user, **form.cleaned_data)):
        messages.success(request, "Saved")
        return redirect(found)
    return render(request, "accounts/team_form.html", {"form": form, "team": found}, status=422 if form.errors else 200)


@require_POST
@login_required
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a member; the team's roles are theirs at once."""
    found = get_object_or_404(Team, slug=slug)
    policy.require(request.user, MANAGE)
    form = MemberForm(request.POST, team=found)
    if form.is_valid() and knock(
        form, lambda: actions.join_team(found.pk, form.cleaned_data["user"].pk, actor=request.user)
    ):
        return redirect(f"{found.get_absolute_url()}#members")
    return _page(request, slug, 422, member_form=form)


@require_POST
@login_required
def leave(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Remove a member; roles that nothing else gives them end."""
    found = get_object_or_404(Team, slug=slug)
    actions.leave_team(found.pk, pk, actor=request.user)
    return redirect(f"{found.get_absolute_url()}#members")


@require_POST
@login_required
def give_role(request: HttpRequest, slug: str) -> HttpResponse:
    """Give all members a role."""
    found = get_object_or_404(Team, slug=slug)
    form = RoleForm(request.POST, giver=request.user)
    if form.is_valid() and knock(
        form,
        lambda: actions.give_role(
            form.cleaned_data["role"], actor=request.user, team=found, scope=form.cleaned_data["scope"]
        ),
    ):
        return redirect(f"{found.get_absolute_url()}#roles")
    return _page(request, slug, 422, role_form=form)
