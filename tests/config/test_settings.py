"""Settings come from the environment, fail early, and are all written down."""

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
COMPOSE = ROOT / "docker-compose.yml"
PRODUCTION = {
    "DATABASE_URL": "postgresql://slipway@database.example/slipway",
    "REDIS_URL": "redis://broker.example/0",
    "SLIPWAY_SECRET_KEY": "only-for-this-test-" * 4,
}


@cache
def variables_read() -> set[str]:
    """First arguments of every env.str("…"), env.int("…") and the like in our code."""
    found = set()
    for package in ROOT.glob("*/__init__.py"):
        for path in package.parent.rglob("*.py") if package.parent.name != "tests" else []:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    of_env = isinstance(node.func.value, ast.Name) and node.func.value.id == "env"
                    if of_env and isinstance(node.args[0], ast.Constant):
                        found.add(node.args[0].value)
    return found


def load(**environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "DJANGO_", "PG"))}
    code = "import config.settings as s; print(s.DATABASES['default']['HOST'], s.CELERY_BROKER_URL)"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False
    )


def test_every_variable_that_is_read_is_documented_and_every_documented_one_is_read():
    elsewhere = {"CI", "BROWSER_PATH", "SLIPWAY_SHARED_DATA"} | set(variables_of_compose())
    assert "SLIPWAY_SECRET_KEY" in variables_read()
    assert variables_read() - DOCUMENTED == set()
    assert DOCUMENTED - variables_read() - elsewhere == set()


def variables_of_compose() -> list[str]:
    return re.findall(r"(?<!\$)\$\{([A-Z_]+)", COMPOSE.read_text())


def test_compose_uses_only_documented_variables_and_holds_no_secret():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    set_for_web = set(services["web"]["environment"])
    assert set(variables_of_compose()) | set_for_web <= DOCUMENTED
    for name in ("SLIPWAY_SECRET_KEY", "SLIPWAY_DATABASE_PASSWORD", "POSTGRES_PASSWORD"):
        assert re.search(rf"\$\{{{name}:\?", COMPOSE.read_text()), f"{name} must have no default"
    assert services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == [*postgres_collation()]


def postgres_collation() -> tuple[str, ...]:
    from config.embedded.postgres import COLLATION

    return COLLATION


def test_compose_starts_each_part_once_the_database_is_migrated():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(services) == {"web", "worker", "beat", "migrate", "postgres", "valkey"}
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "/ready" in " ".join(services["web"]["healthcheck"]["test"])


def test_without_a_secret_key_a_real_installation_does_not_start_and_names_it():
    found = load(**PRODUCTION | {"SLIPWAY_SECRET_KEY": ""})
    assert found.returncode != 0
    assert "SLIPWAY_SECRET_KEY is missing" in found.stderr


def test_a_database_other_than_postgresql_is_refused():
    found = load(**PRODUCTION | {"DATABASE_URL": "sqlite:///here.db"})
    assert found.returncode != 0
    assert "DATABASE_URL must name a PostgreSQL database" in found.stderr


def test_each_server_is_embedded_where_its_own_address_is_missing(tmp_path):
    database_only = load(**PRODUCTION | {"REDIS_URL": "", "SLIPWAY_VAR_DIR": str(tmp_path)})
    broker_only = load(**PRODUCTION | {"DATABASE_URL": "", "SLIPWAY_VAR_DIR": str(tmp_path)})
    assert database_only.stdout.startswith("database.example redis+socket:///")
    assert broker_only.stdout.strip().endswith("sockets redis://broker.example/0")


def test_secrets_may_come_from_files(tmp_path):
    (tmp_path / "key").write_text("from-a-file-" * 5)
    environment = PRODUCTION | {"SLIPWAY_SECRET_KEY_FILE": str(tmp_path / "key")}
    del environment["SLIPWAY_SECRET_KEY"]
    assert load(**environment).returncode == 0
