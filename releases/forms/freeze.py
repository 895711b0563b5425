"""The form of a freeze window."""

from django import forms

from accounts import policy
from accounts.models import User
from releases.forms.knock import text
from releases.forms.timetable import TimetableForm
from releases.models import Product
from releases.states import Tier


class FreezeForm(TimetableForm):
    """When nothing ships, where, and for which products (none: all)."""

    name = forms.CharField(label="Name", max_length=80)
    reason = text("Reason", rows=2)
    products = forms.ModelMultipleChoiceField(
        label="Products", queryset=Product.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    tiers = forms.MultipleChoiceField(
        label="Tiers",
        choices=Tier.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: production only.",
    )

    def __init__(self, *args, keeper: User, **kwargs):
        super().__init__(*args, **kwargs)
        everywhere = policy.where_may(keeper, "releases.manage_freezes") is None
        self.fields["products"].queryset = policy.only_where(
            Product.objects.active(), keeper, "releases.manage_freezes"
        )
        self.fields["products"].required = not everywhere
        self.fields["products"].help_text = (
            "None chosen: all products." if everywhere else "Those whose releases you manage."
        )
