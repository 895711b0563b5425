"""Pages that blockers lead to."""

from django.urls import reverse


def tab(release) -> str:
    """The deployments of a release."""
    return reverse("deployments:tab", args=[release.product.slug, release.version])
