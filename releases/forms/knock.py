"""From a form to a door and back: a refusal lands at the field it names, and the form keeps what was typed."""

from collections.abc import Callable

from django import forms
from django.utils.html import format_html

from core.blockers import Refused


def knock(form: forms.Form, door: Callable, *args, **kwargs):
    """What the door returns, or None after its refusal was put into the form's errors."""
    try:
        return door(*args, **kwargs)
    except Refused as refusal:
        tell(form, refusal)
        return None


def tell(form: forms.Form, refusal: Refused) -> None:
    """Put every blocker at the field that it names, or on top of the form."""
    for blocker in refusal.blockers:
        message = blocker.message
        if blocker.url:
            message = format_html('{} <a href="{}">{}</a>', message, blocker.url, blocker.fix or "Open")
        form.add_error(blocker.field if blocker.field in form.fields else None, message)


def text(
    label: str, *, rows: int = 3, required: bool = False, help_text: str = "", mono: bool = False
) -> forms.CharField:
    """A text of several lines."""
    attrs = {"rows": rows} | ({"class": "mono"} if mono else {})
    return forms.CharField(
        label=label, required=required, help_text=help_text, widget=forms.Textarea(attrs=attrs), max_length=20_000
    )


class _Reason(forms.CharField):
    """Required, and shown so; that it is not empty, the door says in its own words."""

    def validate(self, value):
        pass


class ReasonForm(forms.Form):
    """The one question before an action that needs a reason."""

    reason = _Reason(label="Reason", widget=forms.Textarea(attrs={"rows": 3}), max_length=20_000)

    def __init__(self, hint: str = "", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hint = hint
        self.fields["reason"].help_text = hint or "It stays in the record with your name."
