"""Where scenarios are played: on transactions that are rolled back, so that nothing of them stays.

What is given takes most of the time, and neighbours in a file are often given the same. So it is set up in layers, kept while the
next scenario begins the same way; each scenario is then played in a transaction of its own on top of them.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import actions as accounts
from accounts.models import User
from config.demonstration.clock import turned_back
from config.scenarios import given
from config.scenarios.world import World

LAYERS = (given.WHO_AND_WHAT, given.POLICIES)


def around() -> transaction.Atomic:
    """A transaction in which doors may open their durable ones."""
    whole = transaction.atomic()
    whole._from_testcase = True
    return whole


def undo(whole: transaction.Atomic) -> None:
    """Leave a transaction, rolled back."""
    transaction.set_rollback(True)
    whole.__exit__(None, None, None)


class Stage:
    """A context in which worlds are lent out. Mail goes nowhere meanwhile, and no worker hears of anything."""

    def __init__(self):
        self._layers: list[tuple[Any, transaction.Atomic, World]] = []

    def __enter__(self):
        self._mail, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.dummy.EmailBackend"
        self._whole = around()
        self._whole.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._strike(0)
        undo(self._whole)
        settings.EMAIL_BACKEND = self._mail

    @contextmanager
    def world(self, stated: dict[str, Any]) -> Iterator[World]:
        """A world as given, at the instant when the scenario begins; undone in the end. Raises what the doors raise."""
        starts_at = stated.get("now", given.STARTS_AT)
        with turned_back(starts_at - given.HOUR) as clock:
            world = copy.deepcopy(self._set(stated, clock, starts_at))
            world.clock = clock
            clock.set(starts_at)
            whole = around()
            with whole:
                world.begin()
                yield world
                transaction.set_rollback(True)

    def _set(self, stated: dict[str, Any], clock, starts_at) -> World:
        keys = [(starts_at, {name: stated.get(name) for name in names}) for names, _ in LAYERS]
        kept = next((i for i, key in enumerate(keys) if i >= len(self._layers) or self._layers[i][0] != key), len(keys))
        self._strike(kept)
        world = self._layers[-1][2] if self._layers else None
        for key, (_, set_up) in list(zip(keys, LAYERS, strict=True))[kept:]:
            whole = around()
            whole.__enter__()
            try:
                world = copy.deepcopy(world) or _empty(clock, starts_at)
                world.clock = clock
                set_up(world, stated)
                world.clock = None  # of this scenario alone
            except BaseException:
                undo(whole)
                raise
            self._layers.append((key, whole, world))
        return world

    def _strike(self, kept: int) -> None:
        while len(self._layers) > kept:
            undo(self._layers.pop()[1])


def _empty(clock, starts_at) -> World:
    """The clerk, made as an installation's first administrator is, and the second person, who agrees while all is set up."""
    clerk = User.objects.create(username="scenario-clerk", first_name="Clerk", is_superuser=True)
    second = accounts.add_person(actor=clerk, username="scenario-second", first_name="Second")
    accounts.give_role("release-manager", actor=clerk, user=clerk)
    accounts.give_role("change-manager", actor=clerk, user=second)
    return World(clock, starts_at, clerk.pk, second.pk)
