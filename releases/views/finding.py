"""Finding what a page is about, among what its reader may see. Raises Http404 for all else."""

from django.db.models import Case, IntegerField, Value, When
from django.http import Http404, HttpRequest

from releases.models import Change, Product, Release
from releases.states import ReleaseState


def the_product(request: HttpRequest, slug: str) -> Product:
    return _first(Product.objects.visible_to(request.user).filter(slug=slug))


def the_release(request: HttpRequest, product: str, version: str) -> Release:
    """The release of that version; where cancelled ones share it, the one that was not, else the newest."""
    last = Case(When(state=ReleaseState.CANCELLED, then=Value(1)), default=Value(0), output_field=IntegerField())
    rows = Release.objects.visible_to(request.user).filter(product__slug=product, version=version)
    joined = rows.select_related("product__blocked_by", "manager", "candidate", "blocked_by", "notes_reviewed_by")
    return _first(joined.order_by(last, "-pk"))


def the_change(request: HttpRequest, product: str, key: str) -> Change:
    rows = Change.objects.visible_to(request.user).filter(product__slug=product, key=key)
    return _first(
        rows.select_related("product", "release__product", "author", "assessed_by", "created_by", "template__product")
    )


def _first(queryset):
    found = queryset.first()
    if found is None:
        raise Http404
    return found
