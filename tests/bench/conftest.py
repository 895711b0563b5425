"""Measurements beside a whole Slipway: `make bench`, never part of the suite."""

from tests.journeys.conftest import processes  # noqa: F401
