"""Doors of approvals. One topic per file; callers import them from here."""

from approvals.actions.bulk import approve_many
from approvals.actions.delegation import delegate, end_delegation, turn_due
from approvals.actions.escalation import escalate_due
from approvals.actions.lapse import enact_due, expire_due, lapse_due, warn_due
from approvals.actions.lift import decide_lift, request_lift
from approvals.actions.missing import ask_missing
from approvals.actions.override import (
    conflicts_to_override,
    decide_override,
    finish_override_follow_up,
    freezes_to_override,
    request_conflict_override,
    request_override,
)
from approvals.actions.policy import discard_policy, draft_policy, edit_policy, propose_policy, set_shadow
from approvals.actions.policy_row import double_row, move_row, remove_row, save_row
from approvals.actions.question import answer, ask
from approvals.actions.reach import check_reach
from approvals.actions.request import (
    align,
    align_all,
    expedite_release,
    refresh,
    request_change_authorisation,
    request_release_approval,
    request_template_approval,
    settle,
    withdraw,
)
from approvals.actions.required import set_required_signoffs
from approvals.actions.retrospective import ask_again
from approvals.actions.signoff import attach_report, renew_signoffs, report_verdict, sign_off, start_run
from approvals.actions.unauthorised import record_unauthorised_change
from approvals.actions.vote import cast_vote, revoke_vote
from approvals.actions.waiver import decide_waiver, finish_follow_up, request_waiver

__all__ = [
    "align",
    "align_all",
    "answer",
    "approve_many",
    "ask",
    "ask_again",
    "ask_missing",
    "attach_report",
    "cast_vote",
    "check_reach",
    "conflicts_to_override",
    "decide_lift",
    "decide_override",
    "decide_waiver",
    "delegate",
    "discard_policy",
    "double_row",
    "draft_policy",
    "edit_policy",
    "enact_due",
    "end_delegation",
    "escalate_due",
    "expedite_release",
    "expire_due",
    "finish_follow_up",
    "finish_override_follow_up",
    "freezes_to_override",
    "lapse_due",
    "move_row",
    "propose_policy",
    "record_unauthorised_change",
    "refresh",
    "remove_row",
    "renew_signoffs",
    "report_verdict",
    "request_change_authorisation",
    "request_conflict_override",
    "request_lift",
    "request_override",
    "request_release_approval",
    "request_template_approval",
    "request_waiver",
    "revoke_vote",
    "save_row",
    "set_required_signoffs",
    "set_shadow",
    "settle",
    "sign_off",
    "start_run",
    "turn_due",
    "warn_due",
    "withdraw",
]
