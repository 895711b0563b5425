"""Settings of the processes that the fault matrix starts: those of the journeys, the programs of the counterparts, short limits."""

import os

from tests.journeys.settings import *  # noqa: F403
from tests.journeys.settings import HOOK_PROGRAMS, VAR_DIR

HOOK_PROGRAMS = [*HOOK_PROGRAMS, *filter(None, os.environ.get("FAULTS_PROGRAMS", "").split(os.pathsep))]
VAR_DIR = os.environ.get("FAULTS_VAR_DIR", VAR_DIR)
HOOK_LEASE_S = 2
HOOK_TIMEOUT_S = 2
