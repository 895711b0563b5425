"""Pages that blockers lead to."""

from django.urls import NoReverseMatch, reverse


def address(name: str, release, *more) -> str:
    """The address of one of the release's pages, by the name it has in `releases.urls`."""
    return reverse(f"releases:{name}", args=[release.product.slug, release.version, *more])


def page(name: str, *args) -> str:
    """The address of a page of a higher room, "" while that room has none by this name."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def lift_address(stopped) -> str:
    """Where lifting the stop of a release, a product or an environment is asked for."""
    return page("approvals:lift", stopped._meta.model_name, stopped.pk)
