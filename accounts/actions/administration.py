"""What every door shares that moves rights."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from accounts import policy
from accounts.models import User
from core.blockers import refuse

MANAGE = "releases.manage_people"


@contextmanager
def administering(actor: User, scope: str = policy.EVERYWHERE) -> Iterator[None]:
    """The transaction of a door that moves rights: one after the other, for those who may, and never without a way back.

    A membership follows from several rows (grants, members), so two doors at once could each count on what the other takes away;
    the table lock puts them in a line, and reading goes on. Raises PermissionDenied, or Refused when nobody would be left who
    keeps people.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE accounts_grant IN SHARE ROW EXCLUSIVE MODE")
        policy.require(actor, MANAGE, scope or None)
        kept_before = administrators_exist()
        yield
        if kept_before and not administrators_exist():
            refuse(
                "last-administrator",
                "Nobody would be left who keeps people and roles. Make somebody else administrator first.",
            )


def administrators_exist() -> bool:
    """Whether an active person keeps people everywhere."""
    return policy.who_may(MANAGE).exists()
