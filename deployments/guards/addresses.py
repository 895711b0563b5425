"""Pages that blockers lead to."""

from django.urls import reverse


def tab(release) -> str:
    """The deployments of a release."""
    return reverse("deployments:tab", args=[release.product.slug, release.version])


def rehearse(release, environment) -> str:
    """Where the way back of a release is rehearsed."""
    return reverse("deployments:rehearse", args=[release.product.slug, release.version, environment.slug])


def rollback(release) -> str:
    """The rollback plan of a release, and how fresh its rehearsal is."""
    return reverse("releases:rollback", args=[release.product.slug, release.version])
