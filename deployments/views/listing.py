"""The list of deployments."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from deployments.forms import DeploymentFilters
from deployments.models import Deployment

PER_PAGE = 30


@login_required
def deployments(request: HttpRequest) -> HttpResponse:
    """`/deployments/?product=…&tier=…&show=live&page=2`; htmx gets the rows alone."""
    form = DeploymentFilters(request.GET, reader=request.user)
    seen = Deployment.objects.visible_to(request.user)
    found = form.narrow(seen).select_related(
        "release__product", "candidate", "environment", "started_by", "previous", "created_by"
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    hidden = seen.count() if not page.object_list else 0
    context = {"filters": form, "page": page, "hidden": hidden}
    return render(request, "deployments/_rows.html" if request.htmx else "deployments/deployments.html", context)
