"""Each driver of hooks and each kind of check that there is, with a configuration of another shape than theirs."""

import json

import pytest

from deployments.checks import CHECKS
from deployments.drivers import DRIVERS
from tests.input import garbage
from tests.input.answers import assert_none, trouble
from tests.input.conftest import as_person
from tests.input.test_api import sent

KINDS = [("hooks", "driver", name) for name in sorted(DRIVERS)] + [("checks", "kind", name) for name in sorted(CHECKS)]


def shapes(known) -> list:
    """Values in place of a configuration, and configurations with such values in each field that it has."""
    senseless = list(garbage.JSONS.values())
    return senseless + [dict.fromkeys((field.name for field in known.fields), value) for value in senseless]


@pytest.mark.parametrize(("room", "choice", "name"), KINDS)
def test_no_configuration_of_another_shape_fails(world, room, choice, name):
    client, found, refused = as_person(world.master), [], 0
    known = (DRIVERS if room == "hooks" else CHECKS)[name]
    usual = {"environment": world.rows["environment"].pk, "name": "A row", choice: name}
    for config in shapes(known):
        answer, left = sent(client, "post", f"/api/v1/{room}/", json.dumps(usual | {"config": config}).encode())
        refused += 400 <= answer.status_code < 500
        if answer.status_code >= 500 or (answer.status_code >= 400 and left):
            found.append(f"{name} {config!r:.60}: {trouble(answer)} {left}")

    assert_none(found)
    assert refused > len(garbage.JSONS)
