"""Settings of the processes that the fault matrix starts: those of the journeys, the programs of the counterparts.

A claim outlives the slowest call of a busy machine, as it does in service; a test that needs one to lapse lets it lapse.
"""

import os

from tests.journeys.settings import *  # noqa: F403
from tests.journeys.settings import HOOK_PROGRAMS, VAR_DIR

HOOK_PROGRAMS = [*HOOK_PROGRAMS, *filter(None, os.environ.get("FAULTS_PROGRAMS", "").split(os.pathsep))]
VAR_DIR = os.environ.get("FAULTS_VAR_DIR", VAR_DIR)
HOOK_LEASE_S = 60
HOOK_TIMEOUT_S = 20
