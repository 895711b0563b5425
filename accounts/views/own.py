"""One's own settings: profile, password, tokens."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import actions
from accounts.forms import PasswordForm, ProfileForm, TokenForm
from accounts.models import ApiToken, User
from accounts.presence import hours_of
from core.forms import knock


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, address, time zone, shortcuts; the look of this browser beside it."""
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid() and knock(
        form, lambda: actions.change_person(request.user.pk, actor=request.user, **form.cleaned_data)
    ):
        messages.success(request, "Profile saved")
        return redirect("accounts:profile")
    context = {"form": form, **hours_of(request.user)}
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters()
@never_cache
@login_required
def password(request: HttpRequest) -> HttpResponse:
    """Set a new password. This session goes on under a new key, all others end."""
    form = PasswordForm(request.user, request.POST or None)
    if form.is_valid():
        changed = actions.change_password(actor=request.user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, changed)
        messages.success(request, "Password changed\nYou are signed out everywhere else.")
        return redirect("accounts:profile")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@login_required
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End all other sessions; this one goes on."""
    update_session_auth_hash(request, actions.sign_out_everywhere(actor=request.user))
    messages.success(request, "Signed out everywhere else")
    return redirect("accounts:password")


@never_cache
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own keys to the API. A new one's secret is in the answer to its form and nowhere else."""
    form, secret = TokenForm(request.POST or None), ""
    if form.is_valid() and (made := knock(form, lambda: actions.create_token(actor=request.user, **form.cleaned_data))):
        secret, form = made[1], TokenForm()
    context = {
        "form": form,
        "secret": secret,
        "tokens": ApiToken.objects.filter(user=request.user).order_by("-created_at"),
    }
    return render(request, "accounts/tokens.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token of one's own, or of a service account where one keeps people."""
    in_sight = Q(user=request.user) | Q(user__is_service=True)
    token = get_object_or_404(ApiToken.objects.select_related("user").filter(in_sight), pk=pk)
    actions.revoke_token(pk, actor=request.user)
    messages.success(request, f"{token.name} is revoked\nWhat still uses it gets 401.")
    return redirect("accounts:tokens") if token.user == request.user else redirect(token.user)
