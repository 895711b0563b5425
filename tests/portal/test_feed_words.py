"""Every event that a door records has words for the activity feed."""

import re

from django.conf import settings

from portal.feed import TOLD

ROOMS = ["accounts", "releases", "approvals", "deployments", "reviews", "notifications", "reports", "portal"]
NAME = re.compile(r'record\(\s*f?"([a-z_]+\.[a-z_]+)"|^\s+"[a-z_]+": "((?:release|change)\.[a-z_]+)",', re.MULTILINE)


def test_every_event_that_a_door_records_is_told_in_words():
    recorded = set()
    for room in ROOMS:
        for file in (settings.BASE_DIR / room).rglob("*.py"):
            recorded |= {one or other for one, other in NAME.findall(file.read_text())}
    assert len(recorded) > 80
    assert sorted(recorded - TOLD.keys()) == []
