"""Pages of deployments."""

from deployments.views.callback import callback
from deployments.views.hooks import hook, hook_choose, hook_move, hook_new, hook_remove, hooks, verification
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
from deployments.views.rehearsal import confirm, rehearse
from deployments.views.tab import deploy, plan, tab

__all__ = [
    "abort",
    "callback",
    "confirm",
    "deploy",
    "deployment",
    "deployments",
    "hook",
    "hook_choose",
    "hook_move",
    "hook_new",
    "hook_remove",
    "hooks",
    "log",
    "log_download",
    "pause",
    "plan",
    "progress",
    "pulse",
    "rehearse",
    "resume",
    "roll_back",
    "start",
    "tab",
    "verification",
]
