"""Forms of runbooks."""

from django import forms

from accounts.models import Team, User
from core.forms import Moment
from deployments.models import Runbook, RunbookStep
from deployments.states import StepKind
from releases.forms.knock import text

KIND_NOTES = {
    StepKind.MANUAL: "Somebody does it by hand and says so",
    StepKind.DEPLOYMENT: "Starts by itself, in the name of whoever started the runbook",
}


class RunbookForm(forms.Form):
    """Name and planned start of a runbook."""

    name = forms.CharField(label="Name", max_length=80, initial="Cut-over")
    starts_at = Moment(
        label="Planned start",
        required=False,
        help_text="Steps are then planned from it. Empty: from when it is started.",
    )


class CopyForm(forms.Form):
    """Which runbook of the product is taken as a pattern."""

    runbook = forms.ModelChoiceField(Runbook.objects.none(), label="Runbook", empty_label=None)

    def __init__(self, *args, release, **kwargs):
        super().__init__(*args, **kwargs)
        earlier = Runbook.objects.filter(release__product=release.product_id).exclude(release=release)
        self.fields["runbook"].queryset = earlier.select_related("release__product").order_by("-pk")


class StepForm(forms.Form):
    """One step of a draft. That it fits, the door says."""

    name = forms.CharField(label="What is done", max_length=120)
    instructions = text("How", rows=4, help_text="Markdown. Somebody who is woken at night must be able to follow it.")
    kind = forms.ChoiceField(label="Who does it", choices=StepKind.choices, widget=forms.RadioSelect)
    environment = forms.ModelChoiceField(
        None,
        label="Deployed to",
        required=False,
        empty_label="Nowhere",
        help_text="Of a deployment only.",
    )
    owner = forms.ModelChoiceField(
        User.objects.none(),
        label="Owner",
        required=False,
        empty_label="Nobody yet",
        help_text="Is told when it is ready.",
    )
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label="Or a team",
        required=False,
        empty_label="No team",
        help_text="Everybody in it is told; one of them does it.",
    )
    planned_minutes = forms.IntegerField(
        label="Planned minutes", min_value=1, max_value=10_000, initial=10, help_text="After them it is late."
    )
    needs = forms.ModelMultipleChoiceField(
        RunbookStep.objects.none(),
        label="After",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="It is handed over once all of these are over. None ticked: when the runbook starts.",
    )
    point_of_no_return = forms.BooleanField(
        label="Point of no return", required=False, help_text="Once it is done, production is not rolled back any more."
    )

    def __init__(self, *args, runbook: Runbook, step: RunbookStep | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, is_service=False).order_by("first_name", "last_name", "pk")
        self.fields["kind"].notes = KIND_NOTES
        self.fields["owner"].queryset = people
        self.fields["team"].queryset = Team.objects.order_by("name")
        self.fields["environment"].queryset = runbook.release.product.environments.in_order()
        others = runbook.steps.exclude(pk=step.pk if step else None)
        self.fields["needs"].queryset = others
        if step is None and not self.is_bound:
            self.initial.setdefault("kind", StepKind.MANUAL)
            self.initial.setdefault("needs", [s.pk for s in others][-1:])

    @property
    def fields_of_step(self) -> dict:
        """What the door takes: the step's fields, and the ids of what it needs."""
        return self.cleaned_data | {"needs": [step.pk for step in self.cleaned_data["needs"]]}
