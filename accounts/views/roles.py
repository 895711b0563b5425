"""The table of roles: what each may do, and who holds it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import policy
from accounts.actions import MANAGE
from accounts.held import table_of_roles


@require_safe
@login_required
def roles(request: HttpRequest) -> HttpResponse:
    context = {"rows": table_of_roles(request.user), "may_keep": policy.may_anywhere(request.user, MANAGE)}
    return render(request, "accounts/roles.html", context)
