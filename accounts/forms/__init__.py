"""Forms of accounts. What they cannot judge, the doors do."""

from accounts.forms.hours import AbsenceForm, HoursForm, parts_choices
from accounts.forms.people import (
    MemberForm,
    NewPersonForm,
    PasswordForm,
    PeopleFilter,
    PersonForm,
    ProfileForm,
    RoleForm,
    SignInForm,
    TeamForm,
    TokenForm,
)

__all__ = [
    "AbsenceForm",
    "HoursForm",
    "MemberForm",
    "NewPersonForm",
    "PasswordForm",
    "PeopleFilter",
    "PersonForm",
    "ProfileForm",
    "RoleForm",
    "SignInForm",
    "TeamForm",
    "TokenForm",
    "parts_choices",
]
