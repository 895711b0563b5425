"""Doors of releases. One topic per file; callers import them from here."""

from releases.actions.candidate import add_candidate
from releases.actions.change import add_change, edit_change, hold_change, release_change, take_change_step
from releases.actions.freeze import add_freeze, change_freeze, lift_freeze
from releases.actions.notes import review_notes, save_notes
from releases.actions.phase import add_phase, change_phase, put_in_phase, remove_phase
from releases.actions.product import (
    add_environment,
    add_product,
    block_environment,
    block_product,
    change_environment,
    change_product,
    order_environments,
    remove_environment,
)
from releases.actions.release import (
    add_dependency,
    block_release,
    comment,
    draft_release,
    edit_plan,
    remove_dependency,
    take_step,
)
from releases.actions.risk import add_risk, confirm_risks, edit_risk, remove_risk, save_rollback_plan, treat_risk
from releases.actions.scope import take_from_git, take_in, take_out
from releases.actions.template import (
    add_standard_change,
    add_template,
    edit_template,
    retire_template,
    revise_template,
)
from releases.actions.window import add_window, change_window, remove_window, set_severity

__all__ = [
    "add_candidate",
    "add_change",
    "add_dependency",
    "add_environment",
    "add_freeze",
    "add_phase",
    "add_product",
    "add_risk",
    "add_standard_change",
    "add_template",
    "add_window",
    "block_environment",
    "block_product",
    "block_release",
    "change_environment",
    "change_freeze",
    "change_phase",
    "change_product",
    "change_window",
    "comment",
    "confirm_risks",
    "draft_release",
    "edit_change",
    "edit_plan",
    "edit_risk",
    "edit_template",
    "hold_change",
    "lift_freeze",
    "order_environments",
    "put_in_phase",
    "release_change",
    "remove_dependency",
    "remove_environment",
    "remove_phase",
    "remove_risk",
    "remove_window",
    "retire_template",
    "review_notes",
    "revise_template",
    "save_notes",
    "save_rollback_plan",
    "set_severity",
    "take_change_step",
    "take_from_git",
    "take_in",
    "take_out",
    "take_step",
    "treat_risk",
]
