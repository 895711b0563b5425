"""Doors of approvals. One topic per file; callers import them from here."""

from approvals.actions.lapse import expire_due, lapse_due
from approvals.actions.override import decide_override, request_override
from approvals.actions.policy import remove_policy, save_policy, set_required_signoffs
from approvals.actions.question import answer, ask
from approvals.actions.request import (
    align,
    expedite_release,
    refresh,
    request_change_authorisation,
    request_release_approval,
    settle,
    withdraw,
)
from approvals.actions.signoff import attach_report, renew_signoffs, report_verdict, sign_off, start_run
from approvals.actions.vote import cast_vote, revoke_vote
from approvals.actions.waiver import decide_waiver, request_waiver

__all__ = [
    "align",
    "answer",
    "ask",
    "attach_report",
    "cast_vote",
    "decide_override",
    "decide_waiver",
    "expedite_release",
    "expire_due",
    "lapse_due",
    "refresh",
    "remove_policy",
    "renew_signoffs",
    "report_verdict",
    "request_change_authorisation",
    "request_override",
    "request_release_approval",
    "request_waiver",
    "revoke_vote",
    "save_policy",
    "set_required_signoffs",
    "settle",
    "sign_off",
    "start_run",
    "withdraw",
]
