"""What a deployment needs of its release: no stop, an open window, dependencies that have shipped."""

from django.utils import timezone

from core import wording
from core.blockers import Blocker
from releases.guards.addresses import address, lift_address
from releases.states import SHIPPED

LIFTING = "It stands until those who have to agree lift it."


def blocked(release) -> list[Blocker]:
    """The stops of the release and of its product."""
    found = []
    if release.is_blocked:
        message = f"{stopped_by(release)} blocked it: {release.blocked_reason} {LIFTING}"
        found.append(_stop("blocked", message, release))
    product = release.product
    if product.is_blocked:
        message = f"{stopped_by(product)} blocked all of {product}: {product.blocked_reason} {LIFTING}"
        found.append(_stop("product-blocked", message, product))
    return found


def _stop(code: str, message: str, stopped) -> Blocker:
    url = lift_address(stopped)
    return Blocker(code, message, url, "Lift the block" if url else "")


def stopped_by(stopped) -> str:
    return stopped.blocked_by.name if stopped.blocked_by else "Somebody"


def window_closed(release) -> list[Blocker]:
    now = timezone.now()
    if release.window_starts_at is None:
        message = "No window. Say between which two times it goes live."
        return [Blocker("window-missing", message, address("edit", release), "Set the window")]
    if now < release.window_starts_at:
        message = f"The window opens {wording.full(release.window_starts_at)}. Wait, or move it."
        return [Blocker("window-not-open", message, address("edit", release), "Move the window")]
    if now >= release.window_ends_at:
        message = f"The window closed {wording.full(release.window_ends_at)}. Give it a new one."
        return [Blocker("window-over", message, address("edit", release), "Move the window")]
    return []


def window_open_because(release) -> str:
    return f"Open until {wording.full(release.window_ends_at)}"


def dependencies_unreleased(release) -> list[Blocker]:
    return [
        Blocker(
            f"dependency-unreleased:{d.needs_id}",
            f"{d.needs} must ship first and is {d.needs.get_state_display().lower()}. Deploy that one, or change the dependency.",
            d.needs.get_absolute_url(),
            f"Open {d.needs.version}",
        )
        for d in release.dependencies.all()
        if d.must_ship_first and d.needs.state not in SHIPPED
    ]


def dependencies_released_because(release) -> str:
    needed = [str(d.needs) for d in release.dependencies.all() if d.must_ship_first]
    return f"{wording.listed(needed)} shipped" if needed else "Waits for no other release"
