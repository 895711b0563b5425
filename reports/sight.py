"""What kind of reader this is: one who only looks on, or one who takes part."""

from django.core.exceptions import PermissionDenied

from accounts import policy

LOOKING_ON = frozenset({"releases.view_product"})


def only_looks_on(user) -> bool:
    """Whether the reader holds no right but to see: stakeholders, and people without any role."""
    return all(rights <= LOOKING_ON for rights in policy.rights_of(user).values())


def require_taking_part(user) -> None:
    """Raise PermissionDenied for a reader who only looks on."""
    if only_looks_on(user):
        raise PermissionDenied("Stakeholders read home, releases, products, the calendar and the reports.")
