"""Fields of days and instants, and a door's refusal at the fields of the form that knocked."""

from collections.abc import Callable

from django import forms
from django.forms import Form

from core import moments
from core.blockers import Refused

MINUTE = "%Y-%m-%dT%H:%M"


class Moment(forms.DateTimeField):
    """A day and time of our time, in the reader's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTE)
    input_formats = (MINUTE, f"{MINUTE}:%S", "%Y-%m-%d %H:%M")
    default_validators = (moments.check,)


class Day(forms.DateField):
    """A day of our time."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    default_validators = (moments.check,)


def knock(form: Form, door: Callable):
    """Call `door()` for a valid form. A refusal becomes errors of the form, at the blocker's field where it has one.

    Returns what the door returns, or None when it refused (`form.errors` then says why).
    """
    try:
        return door()
    except Refused as refusal:
        for blocker in refusal.blockers:
            form.add_error(blocker.field if blocker.field in form.fields else None, blocker.message)
        return None
