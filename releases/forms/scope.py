"""Forms of changes, and of the choice of what comes from Git."""

from django import forms

from releases.forms.knock import text
from releases.models import Change, Product, Release
from releases.states import ChangeKind, ChangeState, ChangeType, ReleaseState, RiskBand

LOCKED = "Locked by the template; changing it makes this a normal change."
TYPES = [(ChangeType.NORMAL.value, "Normal"), (ChangeType.EMERGENCY.value, "Emergency")]


class ChangeForm(forms.Form):
    """A change. Its assessment (risk, impact, back-out plan) may wait until it is assessed."""

    key = forms.CharField(
        label="Key",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="Of the ticket. Empty: the product's next number.",
    )
    title = forms.CharField(label="Title", max_length=200)
    description = text("Description")
    kind = forms.ChoiceField(label="Kind", choices=ChangeKind.choices, initial=ChangeKind.FEATURE)
    type = forms.ChoiceField(label="Type", choices=TYPES, widget=forms.RadioSelect, initial=ChangeType.NORMAL)
    breaking = forms.BooleanField(label="Breaks those who call it", required=False)
    risk = forms.ChoiceField(label="Risk", choices=[("", "Not assessed yet"), *RiskBand.choices], required=False)
    impact = text("Impact", rows=2, help_text="Who notices what.")
    backout = text("Back-out plan", rows=2, help_text="How it is undone alone. A high risk needs one.")

    def __init__(self, *args, change: Change | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["type"].notes = {
            "normal": "Assessed by peers, then authorised by policy",
            "emergency": "Straight to the emergency approvers",
        }
        if change is not None and change.template is not None:
            self._mark_locked(change)

    def _mark_locked(self, change: Change) -> None:
        """Say at each field of a standard change what an edit of it would do."""
        of_type = self.fields["type"]
        of_type.choices = [(ChangeType.STANDARD.value, "Standard"), *TYPES]
        of_type.notes = of_type.notes | {"standard": f"Approved before, as “{change.template}”"}
        for name in (*change.template_locked, "type"):
            self.fields[name].help_text = LOCKED


class TakeInForm(forms.Form):
    """Changes of the product that wait without a release."""

    change = forms.ModelChoiceField(
        label="Change", queryset=Change.objects.none(), empty_label="Choose a waiting change"
    )

    def __init__(self, *args, product: Product, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["change"].queryset = waiting(product)


def waiting(product: Product):
    """Changes of the product that could go into a release."""
    over = (ChangeState.DONE, ChangeState.FAILED, ChangeState.BACKED_OUT, ChangeState.WITHDRAWN)
    free = product.changes.filter(release=None) | product.changes.filter(release__state=ReleaseState.CANCELLED)
    return free.exclude(state__in=over).order_by("-pk")


class NeedForm(forms.Form):
    """Another release that this one needs."""

    needs = forms.ModelChoiceField(label="Release", queryset=Release.objects.none(), empty_label="Choose a release")
    must_ship_first = forms.BooleanField(label="It must ship first", required=False, initial=True)

    def __init__(self, *args, release: Release, reader, **kwargs):
        super().__init__(*args, **kwargs)
        others = Release.objects.visible_to(reader).open().exclude(pk=release.pk)
        self.fields["needs"].queryset = others.select_related("product").order_by("product__name", "version")


class RangeForm(forms.Form):
    """Two tags, newest first."""

    since = forms.ChoiceField(label="After", required=False)
    until = forms.ChoiceField(label="Up to")

    def __init__(self, *args, tags: list, **kwargs):
        super().__init__(*args, **kwargs)
        named = [(tag.name, tag.name) for tag in tags]
        self.fields["since"].choices = [("", "the beginning"), *named]
        self.fields["until"].choices = [("HEAD", "the latest commit"), *named]

    def clean(self):
        data = super().clean()
        if data.get("since") and data.get("since") == data.get("until"):
            self.add_error("until", "Choose two different tags: between a tag and itself lies nothing.")
        return data
