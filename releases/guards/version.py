"""Whether a version fits its product: readable, and newer than the last of its line."""

from core.blockers import Blocker
from releases.guards.addresses import address
from releases.states import WENT_LIVE
from releases.versions import SCHEMES, InvalidVersion


def version_unfit(release) -> list[Blocker]:
    trouble = version_trouble(release.product, release.version, live=_live(release))
    if not trouble:
        return []
    return [Blocker(trouble[0], trouble[1], address("edit", release), "Change the version", "version")]


def version_because(release) -> str:
    scheme = SCHEMES[release.product.scheme]
    last = last_of_line(release.product, release.version, live=_live(release))
    return f"Newer than {last}, the last of its line" if last else f"Valid {scheme.label}, the first of its line"


def _live(release) -> list[str]:
    """Versions of the product that went live, without this release's own."""
    known = getattr(release.product, "live_releases", None)
    if known is None:
        known = release.product.releases.filter(state__in=WENT_LIVE).only("pk", "version")
    return [other.version for other in known if other.pk != release.pk]


def version_trouble(product, version: str, *, live: list[str]) -> tuple[str, str] | None:
    """(code, message) when a version does not fit the product: not of its scheme, or not newer than the last of its line."""
    scheme = SCHEMES[product.scheme]
    try:
        scheme.parse(version)
    except InvalidVersion as error:
        return "version-invalid", str(error)
    if "/" in version or "\\" in version or not version.strip("."):
        return "version-invalid", f"“{version}” cannot stand in an address: leave slashes out, and more than dots in."
    last = last_of_line(product, version, live=live)
    if last is not None and scheme.is_newer(version, than=last) is False:
        return "version-not-newer", f"{version} is not newer than {last}, the last of its line. Choose a later version."
    return None


def last_of_line(product, version: str, *, live: list[str]) -> str | None:
    """The newest of the live versions on the same release line; None when there is none, or where the scheme has no order.

    A scheme without an order gives the equal version, if that is live. Versions from before a change of scheme are left out.
    """
    scheme = SCHEMES[product.scheme]
    line = scheme.line(version)
    same = [v for v in live if _readable(scheme, v) and scheme.line(v) == line]
    if not scheme.ordered:
        return version if version in same else None
    return max(same, key=scheme.sort_key, default=None)


def _readable(scheme, version: str) -> bool:
    try:
        scheme.parse(version)
    except InvalidVersion:
        return False
    return True
