"""The form of a delegation. The door validates; the form says what is typed where, and keeps it."""

from django import forms

from accounts.models import User
from approvals import stand_ins
from core.forms import Moment
from releases.models import Product


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


class Chosen(forms.ModelChoiceField):
    """A choice of people by name."""

    def label_from_instance(self, obj) -> str:
        return obj.name


class DelegationForm(forms.Form):
    """Who votes for whom, from when until when, and for what. Instants are meant in the reader's time zone."""

    person = Chosen(User.objects.none(), label="Votes of", empty_label=None)
    stand_in = Chosen(User.objects.none(), label="Stand-in", empty_label="Choose who votes meanwhile")
    starts_at = Moment(label="From", help_text="In your time zone. What has begun counts from now on.")
    ends_at = Moment(label="Until")
    product = forms.ModelChoiceField(
        Product.objects.none(), label="Product", required=False, empty_label="All products that they approve for"
    )
    who = forms.ChoiceField(label="In the place of", required=False)
    reason = forms.CharField(
        label="Reason",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=10_000,
        help_text="Read by the stand-in; it stays in the record.",
    )

    def __init__(self, *args, reader: User, kept, **kwargs):
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, is_service=False).order_by("first_name", "last_name", "pk")
        self.fields["person"].queryset = people.filter(pk__in=[p.pk for p in kept])
        self.fields["stand_in"].queryset = people if len(kept) > 1 else people.exclude(pk=reader.pk)
        if len(kept) == 1:
            self.fields["person"].widget = forms.HiddenInput()
        held = stand_ins.places_of(kept)
        teams = stand_ins.team_names()
        selectors = sorted({place.selector for places in held.values() for place in places})
        self.fields["who"].choices = [
            ("", "All places that they hold"),
            *((s, _capital(stand_ins.selector_words(s, teams))) for s in selectors),
        ]
        self.fields["product"].queryset = _products(reader, held)

    def door_fields(self) -> dict:
        """What the door takes, by its names."""
        data = dict(self.cleaned_data)
        product = data.pop("product")
        ids = {"person_id": data.pop("person").pk, "stand_in_id": data.pop("stand_in").pk}
        return data | ids | {"product_id": product.pk if product else None}


def _products(reader: User, held: dict[int, set]):
    """The products on which those whose delegations are kept hold a place, in the reader's sight."""
    ids = {place.product_id for places in held.values() for place in places}
    rows = Product.objects.visible_to(reader).order_by("name")
    return rows if None in ids else rows.filter(pk__in=ids)
