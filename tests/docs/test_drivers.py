"""The walk-through of a new driver, carried out as it stands: its driver is put in place, its test run, its form opened."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from deployments import drivers
from deployments.drivers import DRIVERS
from tests.deployments.conftest import place, tool
from tests.docs.test_guides import DOCS
from tests.factories import accounts

__all__ = ["place", "tool"]

PAGE = (DOCS / "drivers.md").read_text("utf-8")
DRIVER, TEST = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
IN_PLACE = """
from deployments import drivers

drivers.__path__.append({folder!r})
drivers.DRIVERS.update(drivers.found())
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the driver of the walk-through, as if it were one of the drivers'."""
    folder = tmp_path / "drivers"
    folder.mkdir()
    (folder / "conveyor.py").write_text(DRIVER, "utf-8")
    return folder


@pytest.fixture
def in_place(folder, monkeypatch):
    monkeypatch.setattr(drivers, "__path__", [*drivers.__path__, str(folder)])
    monkeypatch.setitem(DRIVERS, "conveyor", drivers.found()["conveyor"])
    yield DRIVERS["conveyor"]
    sys.modules.pop("deployments.drivers.conveyor", None)


def test_driver_and_test_are_at_most_eighty_lines_each():
    assert len(DRIVER.splitlines()) <= 80
    assert len(TEST.splitlines()) <= 80


@pytest.mark.parametrize("code", [DRIVER, TEST], ids=["driver", "test"])
def test_its_code_keeps_the_rules_of_the_house(code, tmp_path):
    file = tmp_path / "code.py"
    file.write_text(code, "utf-8")
    rules = ["--config", str(Path(settings.BASE_DIR) / "pyproject.toml"), "--ignore", "S101,S105,PLR2004,INP001"]
    for command in (["check", *rules], ["format", "--check", *rules[:2]]):
        said = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(file)], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stdout + said.stderr


def test_its_own_test_passes_and_fails_with_another_driver(folder, tmp_path):
    (tmp_path / "conftest.py").write_text(IN_PLACE.format(folder=str(folder)), "utf-8")
    (tmp_path / "test_driver_conveyor.py").write_text(TEST, "utf-8")
    assert "7 passed" in run_by_pytest(tmp_path)

    (folder / "conveyor.py").write_text(DRIVER.replace('"reference": call.key, ', ""), "utf-8")
    assert "1 failed, 6 passed" in run_by_pytest(tmp_path)


def run_by_pytest(folder: Path) -> str:
    root = Path(settings.BASE_DIR)
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-c",
        str(root / "pyproject.toml"),
        "--rootdir",
        str(folder),
    ]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return said.stdout + said.stderr


def test_it_is_offered_and_its_form_asks_for_its_fields(in_place, client, place):
    client.force_login(accounts.person("rita", roles=["release-manager"], on=place.product))
    chosen = client.get(reverse("deployments:hook_choose", args=["payments", place.staging.slug])).content.decode()
    assert "Runs a belt of Conveyor." in chosen

    address = reverse("deployments:hook_new", args=["payments", place.staging.slug, "conveyor"])
    assert address in chosen
    page = client.get(address).content.decode()
    for field in in_place.fields:
        assert f'name="config.{field.name}"' in page
        assert field.label in page
    wrong = {
        "name": "It",
        "config.url": "conveyor",
        "config.belt": "a b",
        "secret": "a token of Conveyor",
        "on": "deploy",
        "timeout_s": 60,
        "on_failure": "fail",
    }
    refused = client.post(address, wrong)
    assert refused.status_code == 422
    assert "must begin with http:// or https://" in refused.content.decode()
    assert "does not fit" in refused.content.decode()


def test_every_name_in_the_text_is_one_of_the_kit():
    from deployments.drivers import kit, protocol

    for name in re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE):
        assert hasattr(kit.Tool, name), name
    for name in ("log_of", "after", "session"):
        assert hasattr(kit, name)
        assert f"`{name}" in PAGE
    assert hasattr(protocol, "Driver")
