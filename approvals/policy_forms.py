"""Forms of the policies. The doors validate; forms say what is typed where, and keep it."""

from django import forms
from django.forms import formset_factory
from django.forms.formsets import BaseFormSet

from accounts.models import Team, User
from accounts.roles import ROLES
from approvals import who
from approvals.actions.policy_row import LARGEST_SIZE, LONGEST_HOURS, NAME_LENGTH
from approvals.models import Policy, PolicyRow
from approvals.states import Clock, Facet, Mode
from approvals.subjects import Facts
from core.forms import Day, Moment
from releases.models import Product
from releases.states import ChangeType, RiskBand, Strategy, Tier

ANY = [("", "Either"), ("yes", "Yes"), ("no", "No")]
SAID = {"yes": True, "no": False, "": None}
PRODUCT = {"release", "change", "waiver", "override", "lift", "template"}
STRATEGY = {"release", "change", "waiver", "override"}

# {condition: kinds of subject whose facts it can tell apart}
ASKABLE = {
    "product": PRODUCT,
    "strategies": STRATEGY,
    "change_types": {"change", "template"},
    "risk_bands": {"release", "change", "waiver", "override", "template"},
    "tiers": PRODUCT,
    "size_min": {*PRODUCT, "policy"},
    "size_max": {*PRODUCT, "policy"},
    "in_freeze": {"release", "change", "waiver", "override"},
    "emergency": {"release", "change", "waiver", "override"},
}
CONDITIONS = (*ASKABLE, "valid_from", "valid_until")
FACT_OF = {
    "product": "product",
    "strategies": "strategy",
    "change_types": "change_type",
    "risk_bands": "risk",
    "tiers": "tier",
    "size_min": "size",
    "in_freeze": "in_freeze",
    "emergency": "emergency",
}
OUTCOME = ("deadline_hours", "clock", "allow_bulk", "count_requester", "count_author", "afterwards", "afterwards_hours")


def _day(label: str, help_text: str = "") -> Day:
    return Day(label=label, help_text=help_text, required=False)


def _several(label: str, choices, help_text: str = "") -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple, help_text=help_text
    )


def _either(label: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=ANY, required=False)


def _hours(label: str, **options) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=LONGEST_HOURS, **options)


class VersionForm(forms.Form):
    """What a draft says as a whole."""

    mode = forms.ChoiceField(label="Which rows decide", choices=Mode.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        label="What changes, and why",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever decides over it reads this.",
    )
    valid_from = Moment(
        label="In force from",
        required=False,
        help_text="In your time zone. Empty: as soon as it is approved.",
    )

    def __init__(self, *args, policy: Policy, **kwargs):
        super().__init__(
            *args,
            initial={"mode": policy.mode, "note": policy.note, "valid_from": policy.valid_from},
            **kwargs,
        )
        self.fields["mode"].notes = {
            "first": "the first row that matches gives its rules",
            "all": "every row that matches adds its rules, side by side",
        }


class RowForm(forms.Form):
    """A row: when it decides, and what follows besides its rules. Conditions that say nothing hold for everything."""

    name = forms.CharField(max_length=NAME_LENGTH)
    product = forms.ModelChoiceField(Product.objects.none(), required=False, empty_label="Any product")
    strategies = _several("Strategy", Strategy.choices)
    change_types = _several("Type of change", ChangeType.choices)
    risk_bands = _several("Highest open risk", RiskBand.choices)
    tiers = _several("Highest environment tier", Tier.choices)
    size_min = forms.IntegerField(label="Size from", required=False, min_value=0, max_value=LARGEST_SIZE)
    size_max = forms.IntegerField(label="Size to", required=False, min_value=0, max_value=LARGEST_SIZE)
    in_freeze = _either("Inside a freeze")
    emergency = _either("Emergency")
    valid_from = _day("Asked from")
    valid_until = _day("Asked until", "The last day. Days are those of UTC.")
    deadline_hours = _hours("Deadline in hours", initial=72)
    clock = forms.ChoiceField(label="Which hours count", choices=Clock.choices)
    allow_bulk = forms.BooleanField(
        label="May be approved together with others", required=False, help_text="From the inbox, each sheet shown."
    )
    count_requester = forms.BooleanField(label="Whoever asks may vote", required=False)
    count_author = forms.BooleanField(label="Whoever wrote it may vote", required=False)
    afterwards = forms.ChoiceField(
        label="Asked afterwards",
        required=False,
        help_text="Whose rules are asked once this is approved: the full approval of what an emergency did.",
    )
    afterwards_hours = _hours("Within hours", initial=72)

    def __init__(self, *args, policy: Policy, row: PolicyRow | None = None, **kwargs):
        super().__init__(*args, initial=_initial(row), **kwargs)
        self.fields["product"].queryset = Product.objects.order_by("name")
        others = [other.name for other in policy.rows.all() if row is None or other.pk != row.pk]
        self.fields["afterwards"].choices = [("", "Nothing"), *((name, name) for name in others)]
        for name in _idle(policy.subject, row):
            del self.fields[name]
        if policy.subject == "policy":
            for name, word in (("size_min", "Rows from"), ("size_max", "Rows to")):
                self.fields[name].label = word

    @property
    def conditions(self) -> list[str]:
        return [name for name in CONDITIONS if name in self.fields]

    @property
    def wanted(self) -> dict:
        """What the door takes; conditions that cannot be asked of this kind of subject stay as they were."""
        data = dict(self.cleaned_data)
        return data | {name: SAID[data[name]] for name in ("in_freeze", "emergency") if name in data}


def _idle(subject: str, row: PolicyRow | None) -> list[str]:
    """Conditions that tell nothing apart for a kind of subject and are not stated either."""
    return [
        name
        for name, subjects in ASKABLE.items()
        if subject not in subjects and (row is None or getattr(row, name) in (None, [], ""))
    ]


def _initial(row: PolicyRow | None) -> dict:
    if row is None:
        return {}
    data = {name: getattr(row, name) for name in ("name", *CONDITIONS, *OUTCOME)}
    words = {said: word for word, said in SAID.items()}
    return data | {name: words[data[name]] for name in ("in_freeze", "emergency")}


# Rules


class RuleForm(forms.Form):
    """n of some people: any mix of roles, teams and persons."""

    roles = _several("Roles", [])
    teams = forms.MultipleChoiceField(
        label="Teams", required=False, widget=forms.SelectMultiple(attrs={"size": 4}), help_text="Ctrl for several."
    )
    persons = forms.MultipleChoiceField(
        label="People", required=False, widget=forms.SelectMultiple(attrs={"size": 4}), help_text="Ctrl for several."
    )
    need = forms.IntegerField(label="How many", min_value=1, max_value=50, initial=1)
    stage = forms.IntegerField(
        min_value=1, max_value=20, initial=1, help_text="Asked once the rules of earlier stages are met."
    )
    deadline_hours = _hours("Own deadline in hours", required=False, help_text="Empty: that of the row.")
    veto = forms.BooleanField(label="One rejection ends the request", required=False, initial=True)
    facets = _several("Watches", Facet.choices, "What asks its voters again when it changes. None ticked: everything.")

    def __init__(self, *args, people: dict[str, list[tuple[str, str]]], **kwargs):
        super().__init__(*args, **kwargs)
        for name, choices in people.items():
            self.fields[name].choices = choices

    @property
    def names_nobody(self) -> bool:
        data = self.cleaned_data
        return not (data.get("roles") or data.get("teams") or data.get("persons"))

    @property
    def wanted(self) -> dict:
        """What the door takes."""
        data = self.cleaned_data
        asked = ",".join([*data["roles"], *data["teams"], *data["persons"]])
        return {name: data[name] for name in ("need", "stage", "veto", "facets", "deadline_hours")} | {"who": asked}


class BaseRuleFormSet(BaseFormSet):
    """The rules of a row. A form that names nobody says nothing."""

    deletion_widget = forms.CheckboxInput

    def add_fields(self, form, index):
        super().add_fields(form, index)
        form.fields["DELETE"].label = "Leave this rule out"

    @property
    def wanted(self) -> list[dict]:
        return [form.wanted for form in self.forms if form not in self.deleted_forms and not form.names_nobody]


RuleFormSet = formset_factory(RuleForm, BaseRuleFormSet, extra=0, max_num=50, absolute_max=60, can_delete=True)


def rules_of(row: PolicyRow | None) -> list[dict]:
    """The rules of a row as a form set starts with them; a new row starts with an empty one."""
    if row is None:
        return [{}]
    return [
        {name: getattr(rule, name) for name in ("need", "stage", "veto", "facets", "deadline_hours")}
        | {field: [str(s) for s in who.parse(rule.who) if s.kind == kind] for field, kind in KIND_OF.items()}
        for rule in row.rules.all()
    ] or [{}]


KIND_OF = {"roles": "role", "teams": "team", "persons": "person"}


def people_to_ask() -> dict[str, list[tuple[str, str]]]:
    """{field: choices} of whom a rule may name, fetched once for all rules of a page."""
    persons = User.objects.filter(is_active=True, is_service=False).order_by("first_name", "last_name", "pk")
    return {
        "roles": [(f"role:{role.slug}", role.name) for role in ROLES.values() if role.approves],
        "teams": [(f"team:{t.slug}", t.name) for t in Team.objects.order_by("name")],
        "persons": [(f"person:{person.pk}", person.name) for person in persons],
    }


# Trying


class FactsForm(forms.Form):
    """Facts by hand, for what has not happened yet."""

    product = forms.ModelChoiceField(Product.objects.none(), required=False, empty_label="No product")
    strategy = forms.ChoiceField(choices=[("", "None"), *Strategy.choices], required=False)
    change_type = forms.ChoiceField(label="Type of change", choices=[("", "None"), *ChangeType.choices], required=False)
    risk = forms.ChoiceField(label="Highest open risk", choices=[("", "None"), *RiskBand.choices], required=False)
    tier = forms.ChoiceField(label="Highest environment tier", choices=[("", "None"), *Tier.choices], required=False)
    size = forms.IntegerField(label="Changes in scope", min_value=0, max_value=LARGEST_SIZE, required=False, initial=1)
    in_freeze = forms.BooleanField(label="Inside a freeze", required=False)
    emergency = forms.BooleanField(label="Emergency", required=False)
    on = _day("On the day")

    def __init__(self, *args, products, subject: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["product"].queryset = products
        for condition, fact in FACT_OF.items():
            if subject not in ASKABLE[condition]:
                del self.fields[fact]

    def facts(self, subject: str) -> Facts:
        """What was typed; a fact that this kind of subject never has says nothing."""
        data = self.cleaned_data
        said = {name: data[name] for name in FACT_OF.values() if name in data}
        product = said.pop("product", None)
        return Facts(subject, **said | {"product": product.pk if product else None, "size": data.get("size") or 0})


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It stays in the record with your name.",
    )


class DayForm(forms.Form):
    on = _day("Which rules held on")
