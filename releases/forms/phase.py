"""The form of a phase."""

from django import forms

from releases.models import Phase, Product
from releases.states import Needs


class PhaseForm(forms.Form):
    """A phase. The doors check what its environments and the other phases forbid."""

    name = forms.CharField(label="Name", max_length=60)
    environments = forms.TypedMultipleChoiceField(
        label="Environments",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="They stand next to each other.",
    )
    needs = forms.ChoiceField(
        label="Before the next phase opens", choices=Needs.choices, widget=forms.RadioSelect, initial=Needs.ALL
    )
    at_least = forms.IntegerField(
        label="At least",
        min_value=1,
        max_value=999,
        initial=1,
        required=False,
        help_text="Counts where some are needed.",
    )
    soak_minutes = forms.IntegerField(
        label="Soak for",
        min_value=0,
        max_value=60 * 24 * 60,
        initial=0,
        required=False,
        help_text="Minutes that a candidate runs here before the next phase opens.",
    )
    is_automatic = forms.BooleanField(
        label="Deploy to it by itself",
        required=False,
        help_text="Once it opens, in your name. Every gate still holds; where one is closed, it waits for a person.",
    )

    def __init__(self, product: Product, phase: Phase | None, may_automate: bool, data=None):
        super().__init__(data, initial=_initial(phase))
        there = product.environments.select_related("phase").order_by("position")
        self.fields["environments"].choices = [(e.pk, _worded(e, phase)) for e in there]
        self.fields["needs"].notes = {
            Needs.ALL: "Each one is verified",
            Needs.AT_LEAST: "So many as you say",
            Needs.OPTIONAL: "The next phase does not wait for it",
        }
        if not may_automate and not (phase and phase.is_automatic):
            del self.fields["is_automatic"]

    def clean_at_least(self):
        return self.cleaned_data["at_least"] or 1

    def clean_soak_minutes(self):
        return self.cleaned_data["soak_minutes"] or 0


def _worded(environment, phase: Phase | None) -> str:
    other = environment.phase if environment.phase and environment.phase != phase else None
    return f"{environment.name} (now in {other})" if other else environment.name


def _initial(phase: Phase | None) -> dict:
    if phase is None:
        return {}
    names = ("name", "needs", "at_least", "soak_minutes", "is_automatic")
    return {name: getattr(phase, name) for name in names} | {
        "environments": list(phase.environments.values_list("pk", flat=True))
    }
