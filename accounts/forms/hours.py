"""Forms of working hours and absences. Times of day are meant in the zone of the person whom they are about."""

from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.utils.html import format_html

from accounts import free_days
from accounts.hours import instant
from accounts.models import Absence, User, WorkingHours
from accounts.zones import zone_of
from core.forms import Day

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def parts_choices(country: str) -> list[tuple[str, str]]:
    """The parts of a country to choose from, the whole of it first."""
    return [("", "The whole country" if country else "Choose the country first"), *free_days.parts_of(country).items()]


class HoursForm(forms.ModelForm):
    """The week. `parts_url` answers with the parts of a country, for the list to follow the choice at once."""

    weekdays = forms.TypedMultipleChoiceField(
        label="Days", coerce=int, choices=list(enumerate(WEEKDAYS, 1)), widget=forms.CheckboxSelectMultiple
    )
    country = forms.ChoiceField(label="Public holidays of", required=False)
    subdivision = forms.ChoiceField(
        label="State or region", required=False, error_messages={"invalid_choice": "Choose one of this country."}
    )

    class Meta:
        model = WorkingHours
        fields = ["weekdays", "starts", "ends", "country", "subdivision"]
        labels = {"starts": "From", "ends": "To"}
        help_texts = {"ends": "Earlier than the start means the next morning: a night shift."}
        widgets = {name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M") for name in ("starts", "ends")}

    def __init__(self, *args, parts_url: str = "", **kwargs):
        super().__init__(*args, **kwargs)
        country = self["country"].value() or ""
        self.fields["country"].choices = [("", "No holidays"), *free_days.countries().items()]
        self.fields["subdivision"].choices = parts_choices(country)
        self.fields["subdivision"].help_text = "Where holidays differ within the country."
        self.fields["country"].widget.attrs |= {"hx-get": parts_url, "hx-target": "#id_subdivision"}

    def _post_clean(self):
        """Nothing is put into the row here: the door judges and saves."""


class AbsenceForm(forms.Form):
    """Whole days, or from and to a time of day. Gives the door instants, in the zone of the person who is away."""

    starts_at = Day(label="First day away")
    from_time = forms.TimeField(
        label="Leaving at", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    ends_at = Day(label="Last day away")
    until_time = forms.TimeField(
        label="Back at", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    note = forms.CharField(
        label="Note", required=False, max_length=Absence._meta.get_field("note").max_length, strip=True
    )

    def __init__(self, *args, person: User, reader: User, **kwargs):
        super().__init__(*args, **kwargs)
        self.zone = zone_of(person)
        mine = person == reader
        whose, are, their = ("you", "are", "your") if mine else (person.first, "is", "their")
        self.fields["from_time"].help_text = "Without a time, the whole day."
        self.fields["until_time"].help_text = format_html(
            "On the last day, in {} time zone: {}.", "your" if mine else f"{person.first}’s", person.timezone
        )
        self.fields["note"].help_text = format_html(
            "Others see when {} {} away. The note stays with {}, leads of {} teams and administrators.",
            whose,
            are,
            whose,
            their,
        )

    def clean(self) -> dict:
        """Days become instants: midnight to midnight, or the times given."""
        data = super().clean()
        first, last = data.get("starts_at"), data.get("ends_at")
        begins, stops = data.pop("from_time", None), data.pop("until_time", None)
        if isinstance(first, date):
            data["starts_at"] = self._instant(first, begins or time())
        if isinstance(last, date):
            data["ends_at"] = self._instant(last, stops)
        return data

    def _instant(self, day: date, at: time | None) -> datetime:
        wall = datetime.combine(day, at) if at else datetime.combine(day + timedelta(days=1), time())
        return instant(self.zone, wall).astimezone(UTC)
