"""Slipway's settings for tests: their own servers, their own directory, nothing from the caller's environment.

Each pytest process takes a place of its own under var/test/, so that several may run side by side; a place keeps its
cluster and its template database for the next time. Workers of pytest-xdist share the place of their controller.
"""

import os
import shutil
from pathlib import Path

KEPT = ("SLIPWAY_SHARED_DATA", "SLIPWAY_TEST_HOME", "SLIPWAY_TEST_VAR", "SLIPWAY_TEST_DATABASE")
for name in [name for name in os.environ if name.startswith(("SLIPWAY_", "PG"))]:
    if name not in KEPT:
        del os.environ[name]
for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "PORT"):
    os.environ.pop(name, None)

from config import embedded  # noqa: E402
from config.embedded import places  # noqa: E402
from config.embedded.lock import AlreadyRunning, RunLock  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def take_a_place() -> RunLock:
    """Lock the first free directory of var/test/1, var/test/2, …; the lock lasts as long as this process."""
    for number in range(1, 100):
        home = places.make(
            places.make(places.make(ROOT / "var", mode=0o711) / "test", mode=0o711) / str(number), mode=0o711
        )
        lock = RunLock(home / "lock")
        try:
            lock.acquire(patience_s=0)
        except AlreadyRunning:
            continue
        return lock
    raise RuntimeError("No free place under var/test: are a hundred test runs under way?")


TEST_LOCK = None
if "SLIPWAY_TEST_HOME" not in os.environ:
    TEST_LOCK = take_a_place()
    os.environ["SLIPWAY_TEST_HOME"] = str(TEST_LOCK.path.parent)
    shutil.rmtree(TEST_LOCK.path.parent / "var", ignore_errors=True)
    os.environ["SLIPWAY_TEST_VAR"] = str(TEST_LOCK.path.parent / "var")
TEST_HOME = Path(os.environ["SLIPWAY_TEST_HOME"])
os.environ["SLIPWAY_VAR_DIR"] = os.environ["SLIPWAY_TEST_VAR"]

from config.settings import *  # noqa: E402, F403

DATABASES["default"] |= embedded.database(TEST_HOME, role="postgres")  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
if "SLIPWAY_TEST_DATABASE" in os.environ:  # a worker or server that a test has started
    DATABASES["default"]["NAME"] = os.environ["SLIPWAY_TEST_DATABASE"]  # noqa: F405
# Each worker of pytest-xdist has a broker and a cache to itself; the server holds sixteen databases.
PAIR = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
REDIS_URL = f"{embedded.redis_url(TEST_HOME)}?db={2 * PAIR}"
CACHES["default"]["LOCATION"] = embedded.cache_location(REDIS_URL)  # noqa: F405
CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a test signs in often and guards nothing
WHITENOISE_AUTOREFRESH = True  # else each test client reads the whole folder of static files before its first page
