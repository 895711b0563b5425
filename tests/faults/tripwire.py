"""A worker that dies: one task is done in a process of its own, which kills itself with SIGKILL at a point of the code.

Preloaded once into a fork server, so that a death costs milliseconds. Nothing is finished, nothing is said.
"""

import os
import signal
from contextlib import contextmanager

import django

django.setup()

from django.test import override_settings  # noqa: E402

from deployments.actions import run as doors  # noqa: E402


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def after(function):
    """The same function, and death once it has returned."""

    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        die()

    return wrapped


def before_the_commit(settling):
    """The second transaction, and death when all is written but not committed."""

    @contextmanager
    def wrapped(run):
        with settling(run) as row:
            yield row
            die()

    return wrapped


class Dying:
    """A driver that lets its worker die after the call."""

    def __init__(self, driver):
        self.driver = driver

    def __getattr__(self, name):
        return after(getattr(self.driver, name)) if name in ("start", "poll") else getattr(self.driver, name)


def do(point: str, task: str, arguments: tuple, settings: dict) -> None:
    """Do `deployments.actions.run.<task>(*arguments)` and die at `point`."""
    if point == "before the claim":
        doors._claim = die
    elif point == "after the claim":
        doors._claim = after(doors._claim)
    elif point == "after the call":
        driver_of = doors.driver_of
        doors.driver_of = lambda run: Dying(driver_of(run))
    elif point == "before the commit":
        doors.settling = before_the_commit(doors.settling)
    else:
        raise ValueError(point)
    with override_settings(**settings):
        getattr(doors, task)(*arguments)
    os._exit(7)  # it did not die: the test sees that
