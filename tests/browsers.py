"""The browser that page tests drive."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-headless-shell", "google-chrome")


def require() -> str:
    """Path of a Chromium; where there is none the test is skipped, and fails in CI (CI=true), which must not overlook it."""
    if found := os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, NAMES)), None):
        return found
    reason = f"no browser: none of {', '.join(NAMES)} is installed, and BROWSER_PATH names none"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
