"""Which rows of a policy decide over a subject, and who may fill their rules."""

from approvals.matching.people import NO_EXCEPTIONS, Exceptions, barred, eligible, people_by_who
from approvals.matching.required import required_kinds
from approvals.matching.rows import (
    Condition,
    Match,
    WantedRule,
    conditions,
    in_order,
    match,
    match_for,
    matches,
    side_by_side,
)
from approvals.matching.seating import Seats, horizon, impossible, seats

# The relations that matching and eligibility read of any subject.
TABLES = (
    "policy_table",
    "freeze_table",
    "grant_table",
    "team_table",
    "named_table",
    "absence_table",
    "delegation_table",
)

__all__ = [
    "NO_EXCEPTIONS",
    "TABLES",
    "Condition",
    "Exceptions",
    "Match",
    "Seats",
    "WantedRule",
    "barred",
    "conditions",
    "eligible",
    "horizon",
    "impossible",
    "in_order",
    "match",
    "match_for",
    "matches",
    "people_by_who",
    "required_kinds",
    "seats",
    "side_by_side",
]
