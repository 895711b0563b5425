"""Forms of approvals. The doors validate; forms say what is typed where, and keep it."""

from django import forms
from django.conf import settings
from django.forms import formset_factory

from accounts.roles import ROLES
from approvals.models import Policy
from approvals.states import Facet, SignoffKind, SignoffState, Subject
from releases.models import FreezeWindow, Product
from releases.states import ChangeType, RiskBand, Strategy

AT = "%Y-%m-%dT%H:%M"


def _instant(label: str, help_text: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=AT)
    return forms.DateTimeField(label=label, help_text=help_text, widget=widget, input_formats=[AT, "%Y-%m-%dT%H:%M:%S"])


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


class WaiverForm(forms.Form):
    """Asking to ship without a test."""

    reason = _text("Why it may ship without this test", rows=2)
    expires_at = _instant("Until", "In your time zone. The test is required again after that.")


class OverrideForm(forms.Form):
    """Asking to ship during a freeze."""

    freeze = forms.ModelChoiceField(FreezeWindow.objects.none(), empty_label=None)
    reason = _text("Why it cannot wait", rows=2)
    expires_at = _instant("Until", "In your time zone. The freeze holds again after that.")

    def __init__(self, *args, freezes, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["freeze"].queryset = freezes


class DecideForm(forms.Form):
    """A second person's answer to a waiver or an override."""

    comment = _text("Comment", rows=2, required=False, help_text="Needed to refuse.")


class ReasonForm(forms.Form):
    reason = _text("Reason", rows=2, help_text="It stays in the record with your name.")


class PolicyForm(forms.Form):
    """One row of the decision table. Empty conditions match all."""

    name = forms.CharField(max_length=100)
    subject = forms.ChoiceField(label="Decides over", choices=Subject.choices, widget=forms.RadioSelect)
    position = forms.IntegerField(
        label="Place",
        min_value=0,
        max_value=32767,
        help_text="Rows are asked from the lowest place; the first that matches decides.",
    )
    product = forms.ModelChoiceField(Product.objects.all(), required=False, empty_label="All products")
    strategies = forms.MultipleChoiceField(
        label="Release strategies",
        choices=Strategy.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: any",
    )
    change_types = forms.MultipleChoiceField(
        label="Change types",
        choices=ChangeType.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: any",
    )
    risk_bands = forms.MultipleChoiceField(
        label="Risk",
        choices=RiskBand.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The highest open risk. None ticked: any",
    )
    deadline_hours = forms.IntegerField(
        label="Deadline, hours", min_value=1, max_value=24 * 90, help_text="After that a request expires."
    )
    is_active = forms.BooleanField(label="In force", required=False)

    @staticmethod
    def initial_of(row: Policy | None) -> dict:
        if row is None:
            return {"subject": Subject.RELEASE, "position": 100, "deadline_hours": 72, "is_active": True}
        return {name: getattr(row, name) for name in PolicyForm.base_fields}


class RuleForm(forms.Form):
    """n of a role; what its voters watch."""

    role = forms.ChoiceField(
        choices=[("", "Choose a role"), *((r.slug, r.name) for r in ROLES.values() if r.approves)], required=False
    )
    need = forms.IntegerField(label="How many", min_value=1, max_value=50, initial=1, required=False)
    veto = forms.BooleanField(label="One rejection ends the request", required=False, initial=True)
    facets = forms.MultipleChoiceField(
        label="Watches", choices=Facet.choices, required=False, widget=forms.CheckboxSelectMultiple,
        help_text="A later edit of one makes these votes stale. None ticked: all.",
    )  # fmt: skip

    @property
    def rule(self) -> dict | None:
        """The rule, or None for a row that was left empty."""
        if not self.cleaned_data.get("role"):
            return None
        return self.cleaned_data | {"need": self.cleaned_data["need"] or 1}


RuleFormSet = formset_factory(
    RuleForm, extra=2, max_num=len([r for r in ROLES.values() if r.approves]), validate_max=True
)


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
