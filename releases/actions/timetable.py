"""What the doors of freezes and deployment windows share: a span that comes once or again, checked and completed."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from core import wording
from core.blockers import refuse
from core.recurrence import parsed
from core.spans import Repeating
from releases.models import Recurring

FIELDS = ("starts_at", "ends_at", "rule", "zone")
LONGEST = timedelta(days=92)  # of one occurrence of what comes again
LOOKED_AT = timedelta(days=800)


def settle(row: Recurring, noun: str) -> None:
    """Check when `row` is on, and set when its last occurrence ends. `noun` is what it is called. Raises Refused at the field."""
    row.rule = row.rule.strip().removeprefix("RRULE:").upper()
    if row.ends_at <= row.starts_at:
        refuse(f"{noun}-order", f"The {noun} ends before it starts. Choose a later end.", field="ends_at")
    if row.zone not in available_timezones():
        refuse("zone-unknown", "Choose a time zone from the list.", field="zone")
    if not row.rule:
        row.last_ends_at = None
        return
    row.starts_at, row.ends_at = row.starts_at.replace(microsecond=0), row.ends_at.replace(microsecond=0)
    if row.ends_at - row.starts_at > LONGEST:
        refuse("too-long", f"A {noun} that comes again lasts at most {LONGEST.days} days at a time.", field="ends_at")
    _check_rule(row)
    _check_first(row.times, noun)
    _check_apart(row.times, noun)
    row.last_ends_at = row.times.last_ends_at()


def _check_rule(row: Recurring) -> None:
    try:
        parsed(row.rule, row.starts_at.astimezone(ZoneInfo(row.zone)).replace(tzinfo=None), row.zone)
    except ValueError as error:
        refuse("rule-invalid", str(error), field="rule")


def _check_first(times: Repeating, noun: str) -> None:
    """The first occurrence is the one that was given: nobody is left to guess which day of the rule comes first."""
    first = times.first
    if first is None:
        refuse("rule-empty", f"By this rule the {noun} never comes.", field="rule")
    if first.starts_at != times.starts_at:
        said = wording.moment(first.starts_at)
        refuse("first-off-rule", f"By its rule the {noun} first starts {said}. Let it start then.", field="starts_at")


def _check_apart(times: Repeating, noun: str) -> None:
    spans = times.between(times.starts_at, times.starts_at + LOOKED_AT)
    if any(later.starts_at < earlier.ends_at for earlier, later in pairwise(spans)):
        refuse("overlaps-itself", f"The {noun} comes again before it has ended. Let it end earlier.", field="ends_at")
