"""A door's refusal at the fields of the form that knocked."""

from collections.abc import Callable

from django.forms import Form

from core.blockers import Refused


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
