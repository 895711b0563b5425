"""Where a role is held: "" is everywhere, "product:3" one object. Which kinds of object there are, the permissions tell.

A right belongs to a permission, and that to a model of a room above. This room never imports it: it asks the content types.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from accounts import policy
from accounts.models import Grant, User

EVERYWHERE = policy.EVERYWHERE
WORDS = "everywhere"


@dataclass(frozen=True)
class Scope:
    """One place a role can be held, in words. `url` leads to its page where it has one."""

    scope: str
    name: str
    url: str = ""


def kind() -> ContentType:
    """The kind of object that rights are given on: the one that the right to see is a permission of. Cached by Django."""
    app, codename = policy.SEE.split(".")
    pk = Permission.objects.values_list("content_type_id", flat=True).get(
        content_type__app_label=app, codename=codename
    )
    return ContentType.objects.get_for_id(pk)


def seen_by(reader: User) -> QuerySet[Model]:
    """The objects that roles can be held on, as far as the reader may see them."""
    found = kind().model_class()._default_manager.all()
    return policy.only_where(found, reader, policy.SEE)


def grants_seen_by(reader: User) -> QuerySet[Grant]:
    """Roles given everywhere, and those on objects in the reader's sight."""
    if policy.where_may(reader, policy.SEE) is None:
        return Grant.objects.all()
    held = [scope for scope, rights in policy.rights_of(reader).items() if policy.SEE in rights]
    return Grant.objects.filter(scope__in=[EVERYWHERE, *held])


def choices(reader: User, right: str) -> list[tuple[str, str]]:
    """[(scope, name)] of the places where the reader holds `right`, for a form; everywhere first."""
    found = policy.only_where(seen_by(reader), reader, right)
    everywhere = [(EVERYWHERE, "Everywhere")] if policy.may(reader, right) else []
    return everywhere + [(policy.scope_of(obj), str(obj)) for obj in found]


def names(scopes: Iterable[str], reader: User) -> dict[str, Scope]:
    """{scope: its name} for those of `scopes` that the reader may see; "" always is. Two queries however many."""
    wanted = {scope for scope in scopes if scope}
    known = {EVERYWHERE: Scope(EVERYWHERE, WORDS)}
    if wanted:
        ids = [scope.split(":")[1] for scope in wanted]
        for obj in seen_by(reader).filter(pk__in=ids):
            known[policy.scope_of(obj)] = Scope(policy.scope_of(obj), str(obj), _url(obj))
    return known


def exists(scope: str) -> bool:
    """Whether a scope from outside names everywhere or an object that is there."""
    if scope == EVERYWHERE:
        return True
    model, _, pk = scope.partition(":")
    wanted = kind()
    return model == wanted.model and pk.isdecimal() and wanted.model_class()._default_manager.filter(pk=pk).exists()


def _url(obj: Model) -> str:
    return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else ""
