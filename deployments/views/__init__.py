"""Pages of deployments."""

from deployments.views.callback import callback
from deployments.views.hooks import hook, hook_choose, hook_move, hook_new, hook_remove, hooks
from deployments.views.listing import deployments
from deployments.views.live import (
    abort,
    deployment,
    log,
    log_download,
    pause,
    progress,
    pulse,
    resume,
    roll_back,
    start,
)
from deployments.views.queue import allow, hold, join, let_go, prevent, queue
from deployments.views.rehearsal import confirm, rehearse, way_back_of
from deployments.views.runbook import live as runbook_live
from deployments.views.runbook import (
    runbook,
    runbook_abort,
    runbook_edit,
    runbook_new,
    runbook_remove,
    runbook_start,
)
from deployments.views.runbook_step import step_act, step_arrange, step_edit, step_new
from deployments.views.schedule import move, plan
from deployments.views.tab import deploy, tab
from deployments.views.verification import (
    check,
    check_move,
    check_new,
    check_remove,
    checks_try,
    state_check,
    verification,
)

__all__ = [
    "abort",
    "allow",
    "callback",
    "check",
    "check_move",
    "check_new",
    "check_remove",
    "checks_try",
    "confirm",
    "deploy",
    "deployment",
    "deployments",
    "hold",
    "hook",
    "hook_choose",
    "hook_move",
    "hook_new",
    "hook_remove",
    "hooks",
    "join",
    "let_go",
    "log",
    "log_download",
    "move",
    "pause",
    "plan",
    "prevent",
    "progress",
    "pulse",
    "queue",
    "rehearse",
    "resume",
    "roll_back",
    "runbook",
    "runbook_abort",
    "runbook_edit",
    "runbook_live",
    "runbook_new",
    "runbook_remove",
    "runbook_start",
    "start",
    "state_check",
    "step_act",
    "step_arrange",
    "step_edit",
    "step_new",
    "tab",
    "verification",
    "way_back_of",
]
