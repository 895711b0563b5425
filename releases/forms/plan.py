"""The form of a release's plan."""

from django import forms

from accounts import policy
from accounts.models import User
from core.forms import Moment
from releases.forms.knock import text
from releases.models import Product, Release
from releases.states import Strategy

NOTES = {
    Strategy.MAJOR: "May break those who call it",
    Strategy.MINOR: "Adds, breaks nothing",
    Strategy.PATCH: "Mends only",
    Strategy.EMERGENCY: "Short way: fewer sign-offs, a review within 24 hours",
}


class WindowForm(forms.Form):
    """The window alone, as somebody types it."""

    window_starts_at = Moment(label="Window opens", required=False)
    window_ends_at = Moment(label="Window closes", required=False)


class PlanForm(forms.Form):
    """A plan, to draft or to edit. The product is chosen before: versions and managers depend on it."""

    version = forms.CharField(
        label="Version", max_length=80, widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off"})
    )
    title = forms.CharField(label="Title", max_length=120, required=False)
    objective = text("Objective", help_text="What will be better for whom once it is out.")
    strategy = forms.ChoiceField(label="Strategy", choices=Strategy.choices, widget=forms.RadioSelect)
    manager = forms.ModelChoiceField(
        label="Release manager", queryset=User.objects.none(), required=False, empty_label="Nobody yet"
    )
    window_starts_at = Moment(label="Window opens", required=False)
    window_ends_at = Moment(label="Window closes", required=False)

    def __init__(self, *args, product: Product, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["manager"].queryset = policy.holders("release-manager", product)
        self.fields["manager"].label_from_instance = lambda user: user.name
        self.fields["strategy"].notes = {str(key): note for key, note in NOTES.items()}

    def clean(self):
        data = super().clean()
        start, end = data.get("window_starts_at"), data.get("window_ends_at")
        if (start is None) != (end is None) and not {"window_starts_at", "window_ends_at"} & set(self.errors):
            self.add_error(
                "window_starts_at" if start is None else "window_ends_at", "Give both ends of the window, or neither."
            )
        elif start and end and end <= start:
            self.add_error("window_ends_at", "The window ends before it starts. Choose a later end.")
        return data


def initial_of(release: Release) -> dict:
    """The plan as the form shows it: instants to the minute, as the browser's control has them."""
    found = {name: getattr(release, name) for name in PlanForm.base_fields}
    return {name: _to_minute(value) if name.startswith("window_") else value for name, value in found.items()}


def _to_minute(at):
    return at and at.replace(second=0, microsecond=0)
