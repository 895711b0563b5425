"""Forms of reviews."""

from django import forms

from accounts import policy
from core.forms import Day
from reviews.models import ActionItem, Finding, Review


class ReviewForm(forms.ModelForm):
    class Meta:
        model = Review
        fields = ["outcome", "summary"]
        widgets = {"outcome": forms.RadioSelect, "summary": forms.Textarea(attrs={"rows": 5})}
        help_texts = {"summary": "What went as planned, what did not, and what it meant for users"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["outcome"].choices = [c for c in self.fields["outcome"].choices if c[0]]
        for name in self.fields:
            self.fields[name].required = True


class FindingForm(forms.ModelForm):
    class Meta:
        model = Finding
        fields = ["kind", "text"]
        widgets = {"kind": forms.RadioSelect, "text": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [c for c in self.fields["kind"].choices if c[0]]


class ActionForm(forms.ModelForm):
    class Meta:
        model = ActionItem
        fields = ["title", "owner", "due_on", "mandatory"]
        field_classes = {"due_on": Day}
        help_texts = {"mandatory": "The release closes only once it has an owner and a date"}

    def __init__(self, *args, product, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = policy.who_may("releases.comment", product)
        self.fields["owner"].empty_label = "Nobody yet"
        self.fields["due_on"].label = "Due"
        self.fields["mandatory"].label = "Mandatory"
