"""The acts of scenarios, a file per topic. Each opens one door, or the doors that one click would."""

from config.scenarios.acts import asking, changes, exemptions, people, policies, releases, time, voting
from config.scenarios.vocabulary import ACTS

TOPICS = {
    "asking": "Asking for approval",
    "voting": "Deciding",
    "people": "People, absences, stand-ins",
    "releases": "The release",
    "changes": "Changes, and the catalogue of standard changes",
    "exemptions": "Tests, waivers, freezes and stops",
    "policies": "Policies",
    "time": "Time",
}
_FILES = (asking, changes, exemptions, people, policies, releases, time, voting)

__all__ = ["ACTS", "TOPICS"]
