"""The filters of the list of releases."""

from django import forms
from django.db.models import Q, QuerySet

from releases.models import Product
from releases.states import FINISHED, STAGE_OF, ReleaseState, Stage, Strategy

SHOWN = [
    ("", "Under way"),
    ("all", "All"),
    ("mine", "Mine, under way"),
    ("blocked", "Blocked or on hold"),
    ("over", "Closed and cancelled"),
]


class ReleaseFilters(forms.Form):
    """Each filter is part of the address, so that every view of the list can be bookmarked."""

    q = forms.CharField(
        label="Version, title or objective", required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    product = forms.ModelChoiceField(
        label="Product",
        queryset=Product.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="All products",
    )
    stage = forms.ChoiceField(label="Stage", choices=[("", "All stages"), *Stage.choices], required=False)
    strategy = forms.ChoiceField(label="Strategy", choices=[("", "All strategies"), *Strategy.choices], required=False)
    show = forms.ChoiceField(label="Show", choices=SHOWN, required=False)

    def __init__(self, *args, reader, **kwargs):
        super().__init__(*args, **kwargs)
        self.reader = reader
        self.fields["product"].queryset = Product.objects.visible_to(reader)

    def narrow(self, releases: QuerySet) -> QuerySet:
        """The releases that the filters let through; a filter that cannot be read lets all through."""
        self.is_valid()
        chosen = self.cleaned_data
        releases = self._shown(releases, chosen.get("show", ""), bool(chosen.get("stage")))
        if chosen.get("product"):
            releases = releases.filter(product=chosen["product"])
        if chosen.get("stage"):
            states = [state for state, stage in STAGE_OF.items() if stage == chosen["stage"]]
            releases = releases.filter(Q(state__in=states) | Q(state=ReleaseState.ON_HOLD, held_from__in=states))
        if chosen.get("strategy"):
            releases = releases.filter(strategy=chosen["strategy"])
        if chosen.get("q"):
            words = chosen["q"]
            releases = releases.filter(
                Q(version__icontains=words) | Q(title__icontains=words) | Q(objective__icontains=words)
            )
        return releases

    def _shown(self, releases: QuerySet, show: str, staged: bool) -> QuerySet:
        if show == "mine":
            return releases.exclude(state__in=FINISHED).filter(manager=self.reader)
        if show == "blocked":
            return releases.filter(Q(state=ReleaseState.ON_HOLD) | (~Q(blocked_reason="") & ~Q(state__in=FINISHED)))
        if show == "over":
            return releases.filter(state__in=FINISHED)
        return releases if show == "all" or staged else releases.exclude(state__in=FINISHED)

    @property
    def is_on(self) -> bool:
        return any(self.data.get(name) for name in self.fields)
