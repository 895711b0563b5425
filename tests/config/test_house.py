"""The walls of the house stand where the design puts them, and the locks hold what they say."""

import configparser
import re
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements", "requirements-dev", "requirements-uv")


def contract(section: str, option: str) -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser[section][option].split()


def test_every_room_has_its_step_on_the_stairs():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(contract("importlinter:contract:stairs", "layers")) == packages
    assert set(contract("importlinter", "root_packages")) == packages
    assert set(contract("importlinter:contract:order", "containers")) == packages - {"config"}
    assert packages <= set(settings.INSTALLED_APPS)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / f"{name}.txt").read_text()
    return {pin.lower(): version for pin, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_is_asked_for_with_hashes_and_names_no_host(name):
    lock = (ROOT / f"{name}.txt").read_text()
    assert "://" not in lock
    assert "--index-url" not in lock
    entries = re.findall(r"^[A-Za-z0-9._-]+==.*?(?=^[A-Za-z0-9._-]+==|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert all("--hash=sha256:" in entry for entry in entries)
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if line and not line.startswith(("#", "-")):
            wanted = Requirement(line)
            assert wanted.specifier.contains(pins(name)[wanted.name.lower()]), line


def test_the_lock_for_tests_holds_the_lock_for_running():
    assert pins("requirements").items() <= pins("requirements-dev").items()


@pytest.mark.django_db
def test_the_driver_is_psycopg2():
    """Django takes psycopg 3 by itself as soon as it is importable, and behaves otherwise with it."""
    connection.ensure_connection()
    assert isinstance(connection.connection, psycopg2.extensions.connection)
