"""Forms of approvals. The doors validate; forms say what is typed where, and keep it."""

from django import forms
from django.conf import settings
from django.http import QueryDict

from approvals.inbox import Due, Wanted
from approvals.states import SignoffKind, SignoffState, Subject
from core.forms import Moment
from releases.models import FreezeWindow, Product
from releases.states import RiskBand, Strategy


def _text(label: str, rows: int = 3, **options) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), max_length=10_000, **options)


class ReportForm(forms.Form):
    """A test report as a file."""

    file = forms.FileField(
        label="Report",
        help_text="JUnit XML, NUnit 3, TRX, “go test -json” or Mocha JSON. Its counts give the verdict.",
        widget=forms.FileInput(attrs={"accept": ".xml,.json,.trx,.txt"}),
        max_length=255,
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > settings.EVIDENCE_MAX_BYTES:
            limit = settings.EVIDENCE_MAX_BYTES / 1024 / 1024
            raise forms.ValidationError(
                f"“{file.name}” is larger than {limit:g} MiB. Attach the report without its logs."
            )
        return file


class VerdictForm(forms.Form):
    """What a test by hand gave."""

    VERDICTS = [
        (s.value, s.label)
        for s in (SignoffState.PASSED, SignoffState.FAILED, SignoffState.ERRORED, SignoffState.INCONCLUSIVE)
    ]
    verdict = forms.ChoiceField(choices=VERDICTS, widget=forms.RadioSelect)
    statement = _text("What was done and seen", help_text="It stays in the record with your name.")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["verdict"].notes = {
            "passed": "waits for a signature",
            "failed": "the product is wrong",
            "errored": "the test broke",
            "inconclusive": "it shows nothing either way",
        }


def _follow_up() -> forms.CharField:
    return forms.CharField(
        label="What is done about it afterwards",
        required=False,
        max_length=200,
        help_text="A promise: it is on the sheet, and you are reminded of it before the end.",
    )


class WaiverForm(forms.Form):
    """Asking to ship without a test."""

    reason = _text("Why it may ship without this test", rows=2)
    expires_at = Moment(label="Until", help_text="In your time zone. The test is required again after that.")
    follow_up = _follow_up()


class OverrideForm(forms.Form):
    """Asking to ship during a freeze."""

    freeze = forms.ModelChoiceField(FreezeWindow.objects.none(), empty_label=None)
    reason = _text("Why it cannot wait", rows=2)
    expires_at = Moment(label="Until", help_text="In your time zone. The freeze holds again after that.")
    follow_up = _follow_up()

    def __init__(self, *args, freezes, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["freeze"].queryset = freezes


class ConflictOverrideForm(forms.Form):
    """Asking to ship in spite of a conflict."""

    about = forms.ChoiceField(label="Conflict", widget=forms.RadioSelect)
    reason = _text("Why it cannot be planned otherwise", rows=2)
    expires_at = Moment(label="Until", help_text="In your time zone. The conflict counts again after that.")
    follow_up = _follow_up()

    def __init__(self, *args, conflicts, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["about"].choices = [(c.about, c.message) for c in conflicts.values()]


class DecideForm(forms.Form):
    """A second person's answer to a waiver or an override."""

    comment = _text("Comment", rows=2, required=False, help_text="Needed to refuse.")


class ReasonForm(forms.Form):
    reason = _text("Reason", rows=2, help_text="It stays in the record with your name.")


class RequiredForm(forms.Form):
    """The kinds of test that each strategy asks for, of one product or in general."""

    def __init__(self, *args, known: dict[str, list[str]], **kwargs):
        super().__init__(*args, **kwargs)
        for strategy in Strategy:
            self.fields[strategy.value] = forms.MultipleChoiceField(
                label=f"{strategy.label} release",
                choices=SignoffKind.choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                initial=known.get(strategy.value, []),
            )


class WantedForm(forms.Form):
    """What of the inbox is shown; anything unknown shows all."""

    DUE = {Due.OVERDUE: "Overdue", Due.TODAY: "Due today", Due.WEEK: "Due within a week", Due.LATER: "Due later"}
    GROUPS = {"": "By what to do", "product": "By product", "risk": "By risk", "due": "By deadline"}

    kind = forms.ChoiceField(choices=[("", "All kinds"), *Subject.choices], required=False)
    product = forms.ModelChoiceField(
        Product.objects.none(), required=False, to_field_name="slug", empty_label="All products"
    )
    risk = forms.ChoiceField(
        choices=[("", "Any risk"), *((b.value, f"{b.label} risk") for b in RiskBand)], required=False
    )
    due = forms.ChoiceField(
        choices=[("", "Due any time"), *((d.value, word) for d, word in DUE.items())], required=False
    )
    group = forms.ChoiceField(choices=list(GROUPS.items()), required=False)

    def __init__(self, *args, reader, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["product"].queryset = Product.objects.visible_to(reader)

    def wanted(self) -> Wanted:
        self.is_valid()
        asked = self.cleaned_data
        product = asked.get("product")
        return Wanted(asked.get("kind", ""), product and product.pk, asked.get("risk", ""), asked.get("due", ""))

    @classmethod
    def query_of(cls, given: QueryDict) -> str:
        """`?kind=change&risk=low` of what is given and known here; "" for nothing."""
        kept = QueryDict(mutable=True)
        for name in cls.base_fields:
            if given.get(name):
                kept[name] = given[name]
        return f"?{kept.urlencode()}" if kept else ""
