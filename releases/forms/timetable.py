"""Fields of what comes once or again: a first start and end by the clock of a zone, and plain choices for the rule."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils import timezone

from core import recurrence
from core.forms import Day, Moment
from core.recurrence import WEEKDAYS
from core.spans import on_the_clock
from releases.models import Recurring

PATTERNS = [
    ("once", "Once"),
    ("daily", "Every day"),
    ("weekly", "Every week"),
    ("fortnightly", "Every second week"),
    ("monthly", "Every month"),
    ("rule", "By a rule of its own"),
]
NOTES = {
    "weekly": "On the days ticked below",
    "fortnightly": "On the days ticked below",
    "monthly": "On the same day of the week, such as the second Tuesday",
}


class WallMoment(Moment):
    """A day and time by the clock of a zone that the form learns from another field: a naive datetime."""

    def to_python(self, value):
        if value in self.empty_values:
            return None
        for form in self.input_formats:
            try:
                return datetime.strptime(str(value).strip(), form)
            except ValueError:
                continue
        raise forms.ValidationError(self.error_messages["invalid"], code="invalid")

    def prepare_value(self, value):
        return value.replace(tzinfo=None) if isinstance(value, datetime) else value


class TimetableForm(forms.Form):
    """When something is on: base of the forms of freezes and deployment windows."""

    TIMES = ("starts_at", "ends_at", "zone", "pattern", "days", "rule", "until")

    starts_at = WallMoment(label="Starts")
    ends_at = WallMoment(label="Ends")
    zone = forms.ChoiceField(
        label="Time zone", required=False, help_text="It starts and ends by this clock, summer and winter alike."
    )
    pattern = forms.ChoiceField(label="Comes", choices=PATTERNS, widget=forms.RadioSelect, required=False)
    days = forms.MultipleChoiceField(
        label="On these days",
        choices=list(WEEKDAYS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="For every week and every second week. None ticked: the day on which it first starts.",
    )
    rule = forms.CharField(
        label="Rule",
        max_length=recurrence.MAX_CHARACTERS,
        required=False,
        help_text="RFC 5545, as in FREQ=MONTHLY;BYDAY=2TU,4TU. Asked for only when it comes by a rule of its own.",
        widget=forms.TextInput(attrs={"class": "mono"}),
    )
    until = Day(
        label="Until",
        required=False,
        help_text="The last day on which it may start. Empty: it goes on.",
    )

    def __init__(self, *args, row: Recurring | None = None, initial: dict | None = None, **kwargs):
        super().__init__(*args, initial=times_of(row) | (initial or {}), **kwargs)
        self.fields["zone"].choices = [(name, name) for name in sorted(available_timezones())]
        self.fields["pattern"].notes = NOTES

    def clean(self):
        data = super().clean()
        data["zone"] = data.get("zone") or str(timezone.get_current_timezone())
        data["pattern"] = data.get("pattern") or "once"
        if data["pattern"] == "rule" and not data.get("rule", "").strip() and "rule" not in self.errors:
            self.add_error("rule", "Write the rule, or choose one of the others.")
        if data.get("starts_at") and data.get("ends_at") and data["ends_at"] <= data["starts_at"]:
            self.add_error("ends_at", "It ends before it starts. Choose a later end.")
        return data

    @property
    def times(self) -> dict:
        """What the doors take of this form: instants, rule and zone."""
        data = self.cleaned_data
        zone = data["zone"]
        return {
            "starts_at": on_the_clock(data["starts_at"], zone),
            "ends_at": on_the_clock(data["ends_at"], zone),
            "rule": rule_of(data),
            "zone": zone,
        }

    @property
    def wanted(self) -> dict:
        """All that the door takes."""
        return {name: value for name, value in self.cleaned_data.items() if name not in self.TIMES} | self.times


def rule_of(data: dict) -> str:
    """The rule of what was chosen in plain words; "" for once."""
    start: datetime = data["starts_at"]
    own = list(WEEKDAYS)[start.weekday()]
    days = data.get("days") or [own]
    rule = {
        "once": "",
        "daily": "FREQ=DAILY",
        "weekly": recurrence.on_days(days),
        "fortnightly": recurrence.on_days(days, 2),
        "monthly": recurrence.monthly(nth_of(start), own),
        "rule": data.get("rule", "").strip(),
    }[data["pattern"]]
    if rule and data.get("until") and data["pattern"] != "rule":
        return f"{rule};UNTIL={data['until']:%Y%m%d}T235959"
    return rule


def nth_of(start: datetime) -> str:
    """Which of its weekdays in the month a day is: "1" to "4", and "-1" for a fifth one."""
    nth = (start.day - 1) // 7 + 1
    return str(nth) if nth < 5 else "-1"


def times_of(row: Recurring | None) -> dict:
    """What stands in the form: the times of `row` by its own clock; for none, an empty one in the reader's zone."""
    here = str(timezone.get_current_timezone())
    if row is None:
        return {"zone": here, "pattern": "once"}
    zone = ZoneInfo(row.zone if row.rule else here)
    parts = pattern_of(row)
    return {
        "starts_at": row.starts_at.astimezone(zone),
        "ends_at": row.ends_at.astimezone(zone),
        "zone": str(zone),
    } | parts


def pattern_of(row: Recurring) -> dict:
    """The rule of `row` in the form's choices."""
    if not row.rule:
        return {"pattern": "once"}
    core, _, until = row.rule.partition(";UNTIL=")
    found = _choices(core, row)
    if found["pattern"] == "rule" or not until:
        return found if not until else {"pattern": "rule", "rule": row.rule}
    return found | {"until": datetime.strptime(until[:8], "%Y%m%d").date()}


def _choices(rule: str, row: Recurring) -> dict:
    if rule == "FREQ=DAILY":
        return {"pattern": "daily"}
    if found := recurrence.DAYS.fullmatch(rule) or recurrence.WEEKLY.fullmatch(rule):
        days = (found.groupdict().get("days") or found.groupdict().get("day", "")).split(",")
        if (found["every"] or "1") in ("1", "2"):
            return {"pattern": "fortnightly" if found["every"] == "2" else "weekly", "days": days}
    first = row.starts_at.astimezone(ZoneInfo(row.zone))
    if rule == recurrence.monthly(nth_of(first), list(WEEKDAYS)[first.weekday()]):
        return {"pattern": "monthly"}
    return {"pattern": "rule", "rule": rule}
