"""Who is here: people, service accounts, teams, the roles each holds where, and when they are at work."""

from accounts.models.hours import Absence, WorkingHours
from accounts.models.person import User, known_timezone
from accounts.models.team import Grant, Team
from accounts.models.token import ApiToken

__all__ = ["Absence", "ApiToken", "Grant", "Team", "User", "WorkingHours", "known_timezone"]
