"""The commands of docs/api.md, run by a shell against a real server, worker and deployed service."""

import os
import re
import stat
import subprocess
import sys

import pytest
from django.conf import settings

from accounts.actions import create_token
from releases.models import Release
from tests.factories import accounts

pytestmark = pytest.mark.journey

GUIDE = settings.BASE_DIR / "docs" / "api.md"
PROGRAMS = {"curl": "http_client.py", "jq": "pick.py"}
TOKENS = {
    "MANAGER": "manager",
    "TESTER": "tester",
    "CHANGE_MANAGER": "change_manager",
    "QA": "qa",
    "OPERATIONS": "operations",
    "DEPLOYER": "deployer",
}


@pytest.fixture
def path(tmp_path) -> str:
    """A search path on which curl and jq are our own."""
    for name, program in PROGRAMS.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{settings.BASE_DIR}/tests/journeys/programs/{program}" "$@"\n'
        )
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def tokens(people) -> dict[str, str]:
    people.ci = accounts.person("ci", roles=["contributor", "tester"], is_service=True)
    owners = {name: getattr(people, part) for name, part in TOKENS.items()} | {"CI": people.ci}
    return {name: create_token(actor=people.admin if owner.is_service else owner, owner=owner, name="Guide")[1]
            for name, owner in owners.items()}  # fmt: skip


def commands() -> str:
    """Every shell block of the guide, in its order."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL))


def test_every_command_of_the_guide_to_the_api_works_in_its_order(slipway, shop, tokens, path, tmp_path):
    variables = tokens | {"SLIPWAY": f"{slipway.serve()}/api/v1", "COMMIT": shop.tags["v4.8.0-rc.3"], "PATH": path}

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        env=os.environ | variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )

    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    assert "refused, as it should be" in ran.stdout
    assert Release.objects.get(version="4.8.1").state == "closed"
    assert shop.runs_in(shop.production) == "4.8.1-rc.1"
