"""Doors of accounts: people, the roles they hold, their teams and their keys to the API."""

from accounts.actions.administration import MANAGE
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
    "add_person",
    "add_team",
    "change_password",
    "change_person",
    "change_team",
    "create_token",
    "enact",
    "give_role",
    "group_name",
    "join_team",
    "leave_team",
    "renew_feed_token",
    "revoke_token",
    "set_team_members",
    "sign_out_everywhere",
    "system_user",
    "take_role",
]
