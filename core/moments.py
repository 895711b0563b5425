"""Days and instants that people and programs give: of our time.

Years further off are slips of the finger. Some of them lie beyond the calendar by the clock of another zone, and what is reckoned
from them does not end.
"""

from datetime import date

from django.core.exceptions import ValidationError

from core.blockers import Blocker, refuse_if

YEARS = range(2000, 2101)


def unfit(**given: date | None) -> list[Blocker]:
    """A blocker at the field of each day or instant that is not of our time. None is nothing said."""
    said = f"Choose a day from {YEARS[0]} to {YEARS[-1]}."
    far = [field for field, at in given.items() if isinstance(at, date) and at.year not in YEARS]
    return [Blocker("out-of-time", said, field=field) for field in far]


def fit(**given: date | None) -> None:
    """Raise Refused at the field of each day or instant that is not of our time."""
    refuse_if(unfit(**given))


def check(at: date) -> None:
    """The same as a validator of a form's field."""
    for blocker in unfit(day=at):
        raise ValidationError(blocker.message, code=blocker.code)
