"""Forms of products and environments."""

from django import forms

from releases.actions.product import FIELDS
from releases.forms.knock import text
from releases.models import Product
from releases.states import Scheme, Strategy, Tier


class ProductForm(forms.ModelForm):
    """A product. The doors check what the rows beside it forbid."""

    description = text("Description", rows=2)
    scheme = forms.ChoiceField(
        label="Version scheme", choices=Scheme.choices, widget=forms.RadioSelect, initial=Scheme.SEMVER
    )
    rehearsed_strategies = forms.MultipleChoiceField(
        label="Rehearse the way back of",
        choices=Strategy.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Production then waits until the rollback of the same candidate was tried before.",
    )
    rehearsal_days = forms.IntegerField(
        label="A rehearsal holds for, in days", min_value=1, max_value=365, initial=30, required=False
    )

    class Meta:
        model = Product
        fields = FIELDS
        labels = {"slug": "Address", "is_active": "In use", "repository": "Git repository"}
        widgets = {
            "slug": forms.TextInput(attrs={"class": "mono"}),
            "key": forms.TextInput(attrs={"class": "mono"}),
            "repository": forms.TextInput(attrs={"class": "mono"}),
            "tag_prefix": forms.TextInput(attrs={"class": "mono"}),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.fields["slug"].help_text = "As it stands in addresses. Empty: made of the name."
        self.fields["tag_prefix"].strip = False
        self.fields["scheme"].notes = {
            "semver": "Three numbers, strictly",
            "pep440": "As Python packages count",
            "calver": "Year and month",
            "free": "Any text; order is unknown",
        }

    def clean_rehearsal_days(self) -> int:
        """Nothing said leaves it as it is."""
        return self.cleaned_data["rehearsal_days"] or self.instance.rehearsal_days

    def validate_unique(self):
        """Left to the door, which holds the lock."""


class EnvironmentForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60)
    tier = forms.ChoiceField(label="Tier", choices=Tier.choices, initial=Tier.STAGING)
    url = forms.URLField(label="Address", required=False, assume_scheme="https", help_text="Where the product answers.")
