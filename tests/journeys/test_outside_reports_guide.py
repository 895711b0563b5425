"""The commands of docs/outside-reports.md, run by a shell against a real server."""

import os
import re
import subprocess

import pytest
from django.conf import settings

from accounts.actions import create_token
from deployments import where
from deployments.models import Sighting
from tests.factories import accounts, releases
from tests.journeys.test_api_guide import path  # noqa: F401 - the fixture

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

GUIDE = settings.BASE_DIR / "docs" / "outside-reports.md"


def test_every_command_of_the_guide_to_reports_works_in_its_order(live_server, path, tmp_path):  # noqa: F811
    product = releases.product("Payments API", slug="payments")
    staging, _production = releases.pipeline(product)
    ci = accounts.person("ci", roles=["contributor"], on=product, is_service=True)
    _row, token = create_token(actor=accounts.person("root", roles=["administrator"]), owner=ci, name="Guide")
    commands = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        env=os.environ | {"SLIPWAY": f"{live_server.url}/api/v1", "TOKEN": token, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    assert ran.stdout.count('"outcome":"recorded"') == 4
    told = Sighting.objects.order_by("pk").values_list("source", "version")
    assert list(told) == [("api", "4.7.9"), ("api", ""), ("cdevents", "4.7.10"), ("cdevents", "")]
    assert where.running_in(staging).is_nothing
