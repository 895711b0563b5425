"""The shared real files: reports, commits, schedules of other projects, kept outside of this one."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("SLIPWAY_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def require() -> Path:
    """The folder; where it is absent the test is skipped, and fails in CI (CI=true), which must not overlook it."""
    if FOLDER.is_dir():
        return FOLDER
    reason = f"no real files at {FOLDER} (set SLIPWAY_SHARED_DATA)"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
