"""Who agreed to exactly what."""

from approvals.models.board import AgendaItem, Attendance, Board, Meeting
from approvals.models.exemption import FreezeOverride, Waiver
from approvals.models.lift import Lift
from approvals.models.policy import Policy, PolicyRow, Rule, ShadowRun
from approvals.models.request import ApprovalRequest, FrozenSheet, RequestRule
from approvals.models.signoff import Evidence, RequiredSignoff, Signoff
from approvals.models.stand_in import Delegation
from approvals.models.tables import attach_tables
from approvals.models.vote import Question, Vote

__all__ = [
    "AgendaItem",
    "ApprovalRequest",
    "Attendance",
    "Board",
    "Delegation",
    "Evidence",
    "FreezeOverride",
    "FrozenSheet",
    "Lift",
    "Meeting",
    "Policy",
    "PolicyRow",
    "Question",
    "RequestRule",
    "RequiredSignoff",
    "Rule",
    "ShadowRun",
    "Signoff",
    "Vote",
    "Waiver",
]

attach_tables()
