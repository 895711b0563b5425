"""Settings of the processes of a soak: those of the tests, impatient, with the tool of the soak allowed."""

from tests.journeys.settings import *  # noqa: F403
from tests.journeys.settings import HOOK_PROGRAMS, ROOT

SHIP = str(ROOT / "tests/soak/programs/ship.py")
HOOK_PROGRAMS = [*HOOK_PROGRAMS, SHIP]
HOOK_TIMEOUT_S = 2
