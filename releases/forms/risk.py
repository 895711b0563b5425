"""Forms of risks and of the rollback plan."""

from django import forms

from accounts import policy
from accounts.models import User
from releases.forms.knock import text
from releases.models import Product
from releases.states import RollbackMethod, Treatment

IMPACT = [
    (1, "1, hardly noticed"),
    (2, "2, a nuisance"),
    (3, "3, some cannot work"),
    (4, "4, many cannot work"),
    (5, "5, money or trust is lost"),
]
LIKELIHOOD = [(1, "1, rare"), (2, "2, unlikely"), (3, "3, possible"), (4, "4, likely"), (5, "5, almost certain")]


def people(product: Product):
    """Those who can answer for something of a product."""
    return policy.who_may("releases.comment", product)


class _WithOwner(forms.Form):
    def __init__(self, *args, product: Product, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people(product)
        self.fields["owner"].label_from_instance = lambda user: user.name


def _owner() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(label="Owner", queryset=User.objects.none(), required=False, empty_label="Nobody yet")


class RiskForm(_WithOwner):
    title = forms.CharField(label="What may go wrong", max_length=200)
    impact = forms.TypedChoiceField(label="Impact", choices=IMPACT, coerce=int, initial=3)
    likelihood = forms.TypedChoiceField(label="Likelihood", choices=LIKELIHOOD, coerce=int, initial=2)
    owner = _owner()


class TreatForm(_WithOwner):
    treatment = forms.ChoiceField(
        label="Treatment",
        choices=[(t.value, t.label) for t in Treatment if t != Treatment.UNDECIDED],
        widget=forms.RadioSelect,
    )
    plan = text("How, or why", rows=2, required=True)
    owner = _owner()


class RollbackForm(_WithOwner):
    """Everything may be saved half-written; the gate says what is missing."""

    method = forms.ChoiceField(label="Method", choices=RollbackMethod.choices, widget=forms.RadioSelect)
    trigger = text("Trigger", rows=2, help_text="What makes us roll back, as something one can measure.")
    steps = text("Steps", rows=5, help_text="Markdown. Somebody who is woken at night must be able to follow them.")
    expected_minutes = forms.IntegerField(label="Expected minutes", required=False, min_value=1, max_value=100_000)
    owner = _owner()
    point_of_no_return = text(
        "Point of no return", rows=2, help_text="After what it is no longer possible. Empty: never."
    )
    automatic = forms.BooleanField(label="Roll back by itself when the verification fails", required=False)
