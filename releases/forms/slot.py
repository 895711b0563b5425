"""A free slot that was chosen by its button, put into a form's fields."""

from datetime import datetime

from django.http import QueryDict
from django.utils import timezone

AT = "%Y-%m-%dT%H:%M"


def with_slot(posted: QueryDict, start_field: str, end_field: str = "") -> QueryDict:
    """What was posted, with the span of `slot` (two instants, a slash between) in its fields, in the reader's zone.

    As it came where there is no slot or none that can be read.
    """
    try:
        start, end = (datetime.fromisoformat(at) for at in posted.get("slot", "").split("/"))
        local = [timezone.localtime(at).strftime(AT) for at in (start, end)]
    except (ValueError, OverflowError):
        return posted
    filled = posted.copy()
    filled[start_field] = local[0]
    if end_field:
        filled[end_field] = local[1]
    return filled
