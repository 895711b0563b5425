"""Forms of deployments: what a list shows, and when one starts."""

from django import forms
from django.db.models import TextChoices
from django.utils import timezone

from core import wording
from core.forms import Moment
from deployments import bookings
from deployments.models import Run
from deployments.states import ENDED, HOLDS_ENVIRONMENT, WAITING, How, RunState
from releases.models import Product
from releases.states import Tier


class Show(TextChoices):
    LIVE = "live", "Under way"
    WAITING = "waiting", "Planned"
    ENDED = "ended", "Ended"


STATES = {Show.LIVE: HOLDS_ENVIRONMENT, Show.WAITING: WAITING, Show.ENDED: ENDED}


class DeploymentFilters(forms.Form):
    """What the list shows; anything unknown shows all."""

    product = forms.ModelChoiceField(
        Product.objects.none(), required=False, to_field_name="slug", empty_label="All products"
    )
    tier = forms.ChoiceField(choices=[("", "All environments"), *Tier.choices], required=False)
    show = forms.ChoiceField(choices=[("", "All states"), *Show.choices], required=False)

    def __init__(self, *args, reader, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["product"].queryset = Product.objects.visible_to(reader)

    def narrow(self, rows):
        """`rows` (deployments) cut to what is asked for."""
        self.is_valid()
        asked = self.cleaned_data
        if product := asked.get("product"):
            rows = rows.filter(environment__product=product)
        if tier := asked.get("tier"):
            rows = rows.filter(environment__tier=tier)
        if show := asked.get("show"):
            rows = rows.filter(state__in=STATES[Show(show)])
        return rows


class ScheduleForm(forms.Form):
    """When a deployment starts by itself, and for how long it takes its environment. Instants are in the reader's zone."""

    scheduled_for = Moment(label="Starts at", required=False)
    minutes = forms.IntegerField(
        label="Minutes",
        required=False,
        min_value=1,
        max_value=bookings.LONGEST_MINUTES,
        help_text="So long the environment is booked for it. Proposed: as long as deployments there usually take.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        field = self.fields["scheduled_for"]
        field.help_text = f"In {wording.zone(timezone.now())}. Leave it empty to plan it and start it by hand."

    def clean_scheduled_for(self):
        at = self.cleaned_data["scheduled_for"]
        if at and abs(at - timezone.now()) > bookings.FURTHEST:
            raise forms.ValidationError("It is more than ten years away. Give another instant.")
        return at

    @property
    def times(self) -> dict:
        """What the doors take."""
        return {name: self.cleaned_data[name] for name in ("scheduled_for", "minutes")}


class ConfirmationForm(forms.Form):
    """What somebody says who agrees to a rollback after it."""

    comment = forms.CharField(
        label="What did you look at?",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        help_text="Whether going back was right, and what runs now. It stays in the record with your name.",
    )


HOW_NOTES = {
    How.RETRY: "It is called anew, with another key",
    How.SKIP: "Without it, and it stays undone",
    How.SUCCEEDED: "You have looked at the tool and seen it",
}


class ResumeForm(forms.Form):
    """How a paused deployment goes on, and why. `stopped` is the run that it waits for, if any."""

    how = forms.ChoiceField(label="The step that stopped it", widget=forms.RadioSelect, initial=How.RETRY)
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), help_text="It stays in the record with your name."
    )

    def __init__(self, *args, stopped: Run | None, **kwargs):
        super().__init__(*args, **kwargs)
        if stopped is None:
            del self.fields["how"]
        else:
            known = stopped.state != RunState.UNKNOWN
            self.fields["how"].notes = HOW_NOTES
            self.fields["how"].label = stopped.name
            self.fields["how"].choices = [(v, w) for v, w in How.choices if not (known and v == How.SUCCEEDED)]
