"""Reasons why something may not happen, as far as agreement decides. Each returns blockers; its `…_said` twin why it is clear.

Guards read relations with `.all()` only (see `apps.py` for the prefetches) and never import the tables.
"""

from approvals.guards.addresses import signoff_url, subject_url, tab_url
from approvals.guards.approval import (
    approval_missing,
    approval_said,
    quorum_open,
    retrospective_missing,
    retrospective_said,
)
from approvals.guards.freezes import (
    freeze_active,
    freeze_said_now,
    freeze_said_of_window,
    freeze_touching_window,
    frozen_at,
    frozen_in_window,
    overridden,
    override_of,
)
from approvals.guards.policy import policy_incomplete, policy_said, policy_unmet, rules_impossible
from approvals.guards.signoffs import (
    candidate_not_current,
    evidence_missing,
    signoffs_missing,
    signoffs_said,
    standing_waiver,
    waiver_missing,
)
from approvals.guards.times import expiry_past, instant_past, not_overdue

__all__ = [
    "approval_missing",
    "approval_said",
    "candidate_not_current",
    "evidence_missing",
    "expiry_past",
    "freeze_active",
    "freeze_said_now",
    "freeze_said_of_window",
    "freeze_touching_window",
    "frozen_at",
    "frozen_in_window",
    "instant_past",
    "not_overdue",
    "overridden",
    "override_of",
    "policy_incomplete",
    "policy_said",
    "policy_unmet",
    "quorum_open",
    "retrospective_missing",
    "retrospective_said",
    "rules_impossible",
    "signoff_url",
    "signoffs_missing",
    "signoffs_said",
    "standing_waiver",
    "subject_url",
    "tab_url",
    "waiver_missing",
]
