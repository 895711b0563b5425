"""Settings of the processes that journeys start: those of the tests, and impatient, so that a lapsed claim shows in seconds."""

from tests.settings import *  # noqa: F403
from tests.settings import HOOK_PROGRAMS, ROOT

APPEND = str(ROOT / "tests/journeys/programs/append.py")
TALK = str(ROOT / "tests/journeys/programs/talk.py")
WHITENOISE_AUTOREFRESH = False
HOOK_PROGRAMS = [*HOOK_PROGRAMS, APPEND, TALK]
OUTBOX_LEASE_S = 3
HOOK_LEASE_S = 3
