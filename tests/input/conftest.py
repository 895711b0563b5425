"""The world, and a way to knock at it that leaves nothing behind."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from unittest import mock

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from portal import context
from tests import template
from tests.input.world import World, build


@pytest.fixture(autouse=True)
def nobodys_zone():
    """A page leaves its reader's time zone behind in the thread; the next test starts in UTC."""
    yield
    timezone.deactivate()


@pytest.fixture(scope="module")
def world(django_db_blocker):
    """The world of a whole file, in a database of its own: its tests knock thousands of times, and undo each knock."""
    database = template.another(settings.DATABASES["default"], f"world_{os.getpid()}")
    with django_db_blocker.unblock(), database, remembered("inbox.count_for"), remembered("in_production"):
        yield build()


def remembered(name: str):
    """Let the frame around pages work something out once for each reader: it is the same whatever address is asked or sent to."""
    owner, _, function = f"portal.context.{name}".rpartition(".")
    known, work_out = {}, attrgetter(name)(context)

    def recall(of):
        key = tuple(of) if isinstance(of, list) else of
        if key not in known:
            known[key] = work_out(of)
        return known[key]

    return mock.patch(f"{owner}.{function}", recall)


@pytest.fixture
def own_world(world) -> Iterator[World]:
    """A world that a test may change: what it does to the rows is undone, what it does to the objects stays its own."""
    with undone():
        yield copy.deepcopy(world)


def as_person(person=None) -> Client:
    """A client signed in as somebody; a failure of the server is an answer, not an exception."""
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person)
    return client


@contextmanager
def undone():
    """Whatever happens inside is rolled back; doors take it for the ground, as they take a test's own transaction."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)
