"""Who agreed to exactly what."""

from approvals.models.board import AgendaItem, Attendance, Board, Meeting
from approvals.models.exemption import FreezeOverride, Waiver
from approvals.models.policy import Policy, Rule
from approvals.models.request import ApprovalRequest, FrozenSheet, Question, RequestRule, Vote
from approvals.models.signoff import Evidence, RequiredSignoff, Signoff
from approvals.models.tables import attach_tables

__all__ = [
    "AgendaItem",
    "ApprovalRequest",
    "Attendance",
    "Board",
    "Evidence",
    "FreezeOverride",
    "FrozenSheet",
    "Meeting",
    "Policy",
    "Question",
    "RequestRule",
    "RequiredSignoff",
    "Rule",
    "Signoff",
    "Vote",
    "Waiver",
]

attach_tables()
