"""Who may: the one place that answers may / who may / where may.

Rights are permissions ("releases.plan_release") held through groups, everywhere or on one scope (a product). An object names its
scope as `rights_scope`; the scope itself is its own. Who may not see a thing gets 404; who may see but not do gets 403 and the
reason. `accounts.backends` gives the same answers to Django's `user.has_perm(right, obj)`.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404
from guardian.models import GroupObjectPermission

from accounts.models import Grant, User
from accounts.roles import ROLES, every_right
from core.events import stream_of

EVERYWHERE = ""
SEE = "releases.view_product"


def rights_of(user: User, *, fresh: bool = False) -> dict[str, frozenset[str]]:
    """{scope: rights}, scope "" for rights held everywhere. Two queries, remembered on the user until `fresh`."""
    if fresh or not hasattr(user, "_rights"):
        user._rights = read_rights(user)
    return user._rights


def read_rights(user: User) -> dict[str, frozenset[str]]:
    """As `rights_of`, from the database. A superuser holds every right everywhere; who has no account any more, none."""
    if not user.is_authenticated or not user.is_active:
        return {}
    if user.is_superuser:
        return {EVERYWHERE: every_right()}
    found: dict[str, set[str]] = {}
    for app, codename in (
        Permission.objects.filter(group__user=user).order_by().values_list("content_type__app_label", "codename")
    ):
        found.setdefault(EVERYWHERE, set()).add(f"{app}.{codename}")
    held = GroupObjectPermission.objects.filter(group__user=user).values_list(
        "content_type__model", "object_pk", "permission__content_type__app_label", "permission__codename"
    )
    for model, pk, app, codename in held:
        found.setdefault(f"{model}:{pk}", set()).add(f"{app}.{codename}")
    return {scope: frozenset(rights) for scope, rights in found.items()}


def scope_of(obj) -> str:
    """The scope that decides over an object: "product:3", or "" for what belongs to no product. A scope is its own."""
    if obj is None or isinstance(obj, str):
        return obj or EVERYWHERE
    scope = getattr(obj, "rights_scope", obj)
    return stream_of(scope) if scope is not None else EVERYWHERE


def may(user: User, right: str, obj=None) -> bool:
    """Whether `user` holds `right` on `obj` (or everywhere)."""
    rights = rights_of(user)
    return right in rights.get(EVERYWHERE, ()) or right in rights.get(scope_of(obj), ())


def may_anywhere(user: User, right: str) -> bool:
    return any(right in rights for rights in rights_of(user).values())


def require(user: User, right: str, obj=None) -> None:
    """Raise Http404 when `user` may not even see `obj`, PermissionDenied with the reason when they may not do this. Asks anew.

    What belongs to no product is seen by everybody who sees any.
    """
    rights_of(user, fresh=True)
    _require(user, right, obj)


def require_each(user: User, right: str, objects: Iterable) -> None:
    """As `require` for every one of the objects, asked anew once."""
    rights_of(user, fresh=True)
    for obj in objects:
        _require(user, right, obj)


def _require(user: User, right: str, obj) -> None:
    if may(user, right, obj):
        return
    if obj is not None and not _sees(user, scope_of(obj)):
        raise Http404
    raise PermissionDenied(refusal_text(right))


def _sees(user: User, scope: str) -> bool:
    return may(user, SEE, scope) if scope else may_anywhere(user, SEE)


def require_person(user: User) -> None:
    """Raise PermissionDenied for a service account: they report and enact, they never sign."""
    if user.is_service:
        raise PermissionDenied("Service accounts may report and enact, never sign.")


def refusal_text(right: str) -> str:
    """ "Only a Release manager or a Deployer may do this." """
    holders = roles_with(right)
    return f"Only {_or(holders)} may do this." if holders else "Nobody may do this."


def roles_with(right: str) -> list[str]:
    return [role.name for role in ROLES.values() if right in role.rights]


def _or(words: list[str]) -> str:
    words = [f"{'an' if word[0] in 'AEIO' else 'a'} {word}" for word in words]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def where_may(user: User, right: str) -> set[int] | None:
    """Ids of the products on which `user` holds `right`; None for everywhere."""
    rights = rights_of(user)
    if right in rights.get(EVERYWHERE, ()):
        return None
    return {
        int(scope.split(":")[1]) for scope, held in rights.items() if scope.startswith("product:") and right in held
    }


def only_where(queryset: QuerySet, user: User, right: str, field: str = "pk") -> QuerySet:
    """`queryset` cut to the products on which `user` holds `right`; `field` is the path to the product's id."""
    ids = where_may(user, right)
    return queryset if ids is None else queryset.filter(**{f"{field}__in": ids})


def holders(role: str, obj=None) -> QuerySet[User]:
    """Active people (no service accounts) who hold a role on the object's scope, by themselves, by a team, or everywhere."""
    return _people(_granted([role], obj))


def who_may(right: str, obj=None) -> QuerySet[User]:
    """Active people (no service accounts) who hold `right` on the object's scope: through any role, or as superusers."""
    roles = [role.slug for role in ROLES.values() if right in role.rights]
    return _people(_granted(roles, obj) | Q(is_superuser=bool(roles)))


def _granted(roles: Iterable[str], obj) -> Q:
    grants = Grant.objects.filter(role__in=roles, scope__in=[scope_of(obj), EVERYWHERE])
    members = User.teams.through.objects.filter(team__grants__in=grants)
    return Q(pk__in=grants.filter(user__isnull=False).values("user")) | Q(pk__in=members.values("user"))


def _people(chosen: Q) -> QuerySet[User]:
    return User.objects.filter(chosen, is_active=True, is_service=False).order_by("first_name", "last_name", "pk")
