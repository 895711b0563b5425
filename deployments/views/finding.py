"""Finding what a page is about, among what its reader may see. Raises Http404 for all else."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from deployments.models import Check, Deployment, Hook
from releases.models import Environment, Product


def the_deployment(request: HttpRequest, pk: int) -> Deployment:
    rows = Deployment.objects.visible_to(request.user).select_related(
        "release__product",
        "candidate__release",
        "environment__product",
        "environment__verification",
        "previous",
        "created_by",
        "held_by",
        "started_by",
        "rolls_back",
    )
    return get_object_or_404(rows, pk=pk)


def the_product(request: HttpRequest, slug: str) -> Product:
    return get_object_or_404(Product.objects.visible_to(request.user), slug=slug)


def the_environment(product: Product, slug: str) -> Environment:
    environment = get_object_or_404(product.environments.select_related("verification"), slug=slug)
    environment.product = product
    return environment


def the_hook(product: Product, pk: int) -> Hook:
    return get_object_or_404(Hook.objects.select_related("environment"), pk=pk, environment__product=product)


def the_check(product: Product, pk: int) -> Check:
    found = get_object_or_404(Check.objects.select_related("environment"), pk=pk, environment__product=product)
    found.environment.product = product
    return found
