"""Doors of accounts: people, the roles they hold, their teams, their hours and their keys to the API."""

from accounts.actions.administration import MANAGE
from accounts.actions.hours import (
    add_absence,
    cancel_absence,
    kept_by,
    may_keep_hours,
    require_keeper,
    set_working_hours,
)
from accounts.actions.person import (
    add_person,
    change_password,
    change_person,
    renew_feed_token,
    sign_out_everywhere,
    system_user,
)
from accounts.actions.role import enact, give_role, take_role
from accounts.actions.team import add_team, change_team, join_team, leave_team, set_team_members
from accounts.actions.token import create_token, revoke_token
from accounts.groups import group_name

__all__ = [
    "MANAGE",
    "add_absence",
    "add_person",
    "add_team",
    "cancel_absence",
    "change_password",
    "change_person",
    "change_team",
    "create_token",
    "enact",
    "give_role",
    "group_name",
    "join_team",
    "kept_by",
    "leave_team",
    "may_keep_hours",
    "renew_feed_token",
    "require_keeper",
    "revoke_token",
    "set_team_members",
    "set_working_hours",
    "sign_out_everywhere",
    "system_user",
    "take_role",
]
