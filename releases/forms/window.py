"""Forms of deployment windows, and of how grave each kind of conflict is."""

from django import forms

from releases import conflicts
from releases.forms.timetable import TimetableForm
from releases.states import ConflictKind, Severity

NOTES = {
    ConflictKind.ENVIRONMENT: "Another release's window, or another deployment's booking. Two bookings never overlap.",
    ConflictKind.DEPENDENCY: "What must ship first comes later, or at the same time.",
    ConflictKind.PEOPLE: "A manager, who keeps a way back, owns a step of a runbook or booked production is needed twice at once.",
    ConflictKind.WINDOW: "The environment is open to deployments at other times.",
    ConflictKind.FREEZE: "A freeze is on then.",
}


class WindowForm(TimetableForm):
    """A time in which an environment may be deployed to."""

    name = forms.CharField(label="Name", max_length=80, help_text="As people say it: “Weekday mornings”.")


class SeverityForm(forms.Form):
    """One choice for each kind of conflict. `fallback` counts where nothing is chosen, `words` says where that comes from."""

    def __init__(self, *args, own: dict[str, str], fallback: dict[str, str], words: str, **kwargs):
        super().__init__(*args, **kwargs)
        for kind in ConflictKind:
            default = Severity(fallback.get(kind) or conflicts.DEFAULTS[kind]).label.lower()
            self.fields[kind.value] = forms.ChoiceField(
                label=kind.label,
                required=False,
                choices=[("", f"{words}: {default}"), *Severity.choices],
                initial=own.get(kind, ""),
                help_text=NOTES[kind],
            )
