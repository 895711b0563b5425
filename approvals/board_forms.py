"""Forms of boards and meetings. The doors validate; forms say what is typed where, and keep it."""

from zoneinfo import available_timezones

from django import forms

from accounts import policy
from accounts.models import Team, User
from accounts.roles import ROLES
from approvals.models import Board
from approvals.models.board import LEAD
from core import recurrence
from core.forms import Day, Moment
from core.recurrence import PLACES, WEEKDAYS
from releases.models import Product

PATTERNS = [
    ("weekly", "Every week"),
    ("fortnightly", "Every second week"),
    ("monthly", "Every month"),
    ("rule", "By a rule of its own"),
]


def _text(label: str, rows: int = 2, **options) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), max_length=10_000, **options)


def _people():
    return User.objects.filter(is_active=True, is_service=False).order_by("first_name", "last_name", "pk")


class BoardForm(forms.Form):
    """A board: who sits on it, over what, and when it meets in plain words."""

    name = forms.CharField(max_length=80)
    products = forms.ModelMultipleChoiceField(
        Product.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    pattern = forms.ChoiceField(label="It meets", choices=PATTERNS, widget=forms.RadioSelect)
    nth = forms.ChoiceField(label="Which of the month", choices=[(k, f"the {v}") for k, v in PLACES.items()])
    day = forms.ChoiceField(label="Day", choices=list(WEEKDAYS.items()))
    rule = forms.CharField(
        max_length=recurrence.MAX_CHARACTERS,
        required=False,
        help_text="RFC 5545, as in FREQ=MONTHLY;BYDAY=2TU,4TU. Asked for only when it meets by a rule of its own.",
        widget=forms.TextInput(attrs={"class": "mono"}),
    )
    clock = forms.TimeField(
        label="Local time",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="By the clock of its time zone, summer and winter alike.",
    )
    zone = forms.ChoiceField(label="Time zone")
    first_on = Day(
        label="From",
        help_text="The first day that it may meet; every second week is counted from here.",
    )
    minutes_long = forms.IntegerField(label="Minutes long", min_value=1, max_value=1440)
    minutes_per_item = forms.IntegerField(label="Minutes for an item", min_value=1, max_value=1440)
    place = forms.CharField(max_length=200, required=False)
    link = forms.URLField(
        label="Link of the call",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="Stands in the invitation.",
    )
    chair = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody in particular")
    member_roles = forms.MultipleChoiceField(
        label="Who sits by role or team",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Whoever holds the role on its products sits on the board.",
    )
    members = forms.ModelMultipleChoiceField(
        User.objects.none(),
        label="Who else sits",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text="Hold Ctrl or Command to choose several.",
    )
    is_active = forms.BooleanField(
        label="It meets", required=False, help_text="Switched off, its planned meetings are called off."
    )

    def __init__(self, *args, keeper: User, board: Board | None = None, **kwargs):
        super().__init__(*args, initial=_initial(board, keeper), **kwargs)
        everywhere = policy.where_may(keeper, LEAD) is None
        products = self.fields["products"]
        products.queryset = policy.only_where(Product.objects.active(), keeper, LEAD)
        products.required = not everywhere
        products.help_text = "None ticked: all products." if everywhere else "Those whose changes you authorise."
        self.fields["zone"].choices = [(name, name) for name in sorted(available_timezones())]
        self.fields["chair"].queryset = self.fields["members"].queryset = _people()
        self.fields["member_roles"].choices = [
            *((f"role:{r.slug}", r.name) for r in ROLES.values() if r.approves),
            *(
                (f"team:{slug}", f"Team {name}")
                for slug, name in Team.objects.order_by("name").values_list("slug", "name")
            ),
        ]
        if board is None:
            del self.fields["is_active"]

    def clean(self):
        data = super().clean()
        if data.get("pattern") == "rule" and not data.get("rule", "").strip():
            self.add_error("rule", "Write the rule, or choose one of the others.")
        return data

    @property
    def wanted(self) -> dict:
        """What the door takes."""
        data = {k: v for k, v in self.cleaned_data.items() if k not in ("pattern", "nth", "day", "rule")}
        return data | {"recurrence": rule_of(self.cleaned_data)}


def rule_of(data: dict) -> str:
    """The recurrence rule of what was chosen in plain words."""
    day, nth = data.get("day") or "MO", data.get("nth") or "1"
    return {
        "weekly": recurrence.weekly(day),
        "fortnightly": recurrence.weekly(day, 2),
        "monthly": recurrence.monthly(nth, day),
    }.get(data["pattern"]) or data.get("rule", "").strip().removeprefix("RRULE:")


def _initial(board: Board | None, keeper: User) -> dict:
    if board is None:
        return {
            "pattern": "weekly", "day": "TU", "nth": "1", "clock": "10:00", "zone": keeper.timezone,
            "minutes_long": 60, "minutes_per_item": 10, "member_roles": ["role:cab-member"],
        }  # fmt: skip
    names = ("name", "clock", "zone", "first_on", "minutes_long", "minutes_per_item", "place", "link", "is_active")
    return (
        {name: getattr(board, name) for name in (*names, "chair", "member_roles")}
        | {"products": list(board.products.all()), "members": list(board.members.all())}
        | {"nth": "1", "day": "TU"}
        | recurrence.taken_apart(board.recurrence)
    )


class MeetingForm(forms.Form):
    """A meeting beside the rule."""

    starts_at = Moment(label="Starts", help_text="In your time zone.")


class MoveForm(forms.Form):
    """Another time for a meeting, and perhaps another place."""

    starts_at = Moment(label="New start", help_text="In your time zone.")
    place = forms.CharField(max_length=200, required=False)
    reason = _text("Reason", help_text="Everybody invited reads it.")


class BoardReasonForm(forms.Form):
    reason = _text("Reason", help_text="It stays in the record with your name.")
