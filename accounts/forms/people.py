"""Forms of people, their roles, teams and tokens. What they cannot judge, the doors do."""

from datetime import datetime, time
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import scopes
from accounts.actions import MANAGE
from accounts.models import ApiToken, Team, User
from accounts.roles import ROLES
from core.forms import Day


def zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """The time zones as choices, by continent: [("Europe", [("Europe/Berlin", "Europe/Berlin"), …]), …]; UTC first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        continent, slash, _ = name.partition("/")
        if slash and continent not in ("Etc", "SystemV", "posix", "right"):
            found.setdefault(continent, []).append((name, name.replace("_", " ")))
    return [("UTC", "UTC"), *found.items()]


class SignInForm(auth_forms.AuthenticationForm):
    """One answer for every failure: who is here stays untold."""

    error_messages = {
        "invalid_login": "User name and password do not fit together. Both mind capital letters.",
        "inactive": "User name and password do not fit together. Both mind capital letters.",
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"

    def confirm_login_allowed(self, user):
        if not user.is_active or user.is_service:
            raise self.get_invalid_login_error()


class PasswordForm(auth_forms.PasswordChangeForm):
    """The old password, and the new one twice."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Password now"
        self.fields["new_password2"].label = "New password, again"
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        self.fields["new_password2"].help_text = ""


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "timezone", "keys_on"]
        labels = {"keys_on": "Single-key shortcuts, such as N to plan a release"}
        help_texts = {"email": "Where Slipway writes to you", "timezone": "All times are shown in it"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        known = self.instance.timezone
        choices = zones()
        if not any(known == value or known in dict(rest if isinstance(rest, list) else []) for value, rest in choices):
            choices.append((known, known))
        self.fields["timezone"] = forms.ChoiceField(
            choices=choices, label="Time zone", help_text=self.fields["timezone"].help_text
        )


class PersonForm(ProfileForm):
    """What those who keep people change of others."""

    class Meta(ProfileForm.Meta):
        fields = ["first_name", "last_name", "email", "timezone"]
        help_texts = {}


class NewPersonForm(forms.ModelForm):
    """A person with a first password, or a service account without."""

    password = forms.CharField(
        label="First password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"}),
        help_text="Tell it to them in person; they change it after signing in. None for a service account: it gets tokens.",
    )

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "timezone", "is_service"]
        labels = {"username": "User name", "is_service": "A service account: reports and enacts, never signs"}
        help_texts = {"username": "Letters, digits and @ . + - _"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["timezone"] = forms.ChoiceField(choices=zones(), initial="UTC", label="Time zone")

    def clean(self):
        """A password is judged against the person's own names."""
        data = super().clean()
        password = data.get("password")
        if data.get("is_service"):
            data["password"] = None
            return data
        if not password:
            self.add_error("password", "A person needs a password to sign in.")
            return data
        try:
            validate_password(
                password, User(**{f: data.get(f) or "" for f in ("username", "first_name", "last_name", "email")})
            )
        except ValidationError as weak:
            self.add_error("password", weak)
        return data

    def validate_unique(self):
        """Whether the name is free, the door tells."""


class TokenForm(forms.ModelForm):
    expires_at = Day(
        label="Last day",
        required=False,
        help_text="It stops at the end of this day, in your time zone. Without one it never does.",
    )

    class Meta:
        model = ApiToken
        fields = ["name"]
        help_texts = {"name": "What it is for, such as “nightly export”"}

    def clean_expires_at(self) -> datetime | None:
        day = self.cleaned_data["expires_at"]
        return timezone.make_aware(datetime.combine(day, time(23, 59, 59))) if day else None


class RoleForm(forms.Form):
    """A role and where it is to be held, out of the places where the giver keeps people."""

    role = forms.ChoiceField(choices=[(role.slug, role.name) for role in ROLES.values()])
    scope = forms.ChoiceField(label="Where")

    def __init__(self, *args, giver: User, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["scope"].choices = [(scope or scopes.WORDS, name) for scope, name in scopes.choices(giver, MANAGE)]

    def clean_scope(self) -> str:
        """The scope as policy writes it: "" for everywhere."""
        scope = self.cleaned_data["scope"]
        return "" if scope == scopes.WORDS else scope


class TeamForm(forms.ModelForm):
    class Meta:
        model = Team
        fields = ["name", "lead"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["lead"].queryset = User.objects.filter(is_active=True, is_service=False).order_by(
            "first_name", "last_name"
        )
        self.fields["lead"].empty_label = "Nobody"

    def validate_unique(self):
        """Whether the name is free, the door tells."""


class MemberForm(forms.Form):
    user = forms.ModelChoiceField(User.objects.none(), label="Person", empty_label="Choose a person")

    def __init__(self, *args, team: Team, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = (
            User.objects.filter(is_active=True).exclude(teams=team).order_by("first_name", "last_name")
        )


class PeopleFilter(forms.Form):
    """The filters of the list of people, as in the address."""

    q = forms.CharField(label="Name or user name", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    role = forms.ChoiceField(
        label="Role", required=False, choices=[("", "Any role")] + [(r.slug, r.name) for r in ROLES.values()]
    )
    show = forms.ChoiceField(
        label="Who",
        required=False,
        choices=[("", "People"), ("service", "Service accounts"), ("off", "Switched off"), ("all", "All")],
    )
