"""The form that searches the log of a deployment."""

from django import forms

from deployments.models import Deployment, LogLine, Run


class LogFilters(forms.Form):
    """Which lines are shown; what is unknown shows all."""

    q = forms.CharField(label="Lines that hold", required=False, max_length=200)
    run = forms.ModelChoiceField(Run.objects.none(), label="Step", required=False, empty_label="All steps")

    def __init__(self, *args, deployment: Deployment, **kwargs):
        super().__init__(*args, **kwargs)
        self.deployment = deployment
        self.fields["run"].queryset = deployment.runs.order_by("position", "attempt", "pk")

    def lines(self):
        """The lines (LogLine) that are asked for, in their order."""
        self.is_valid()
        run = self.cleaned_data.get("run")
        return LogLine.objects.of(self.deployment, words=self.cleaned_data.get("q", ""), run=run.pk if run else 0)
