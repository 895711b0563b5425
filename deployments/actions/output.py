"""Keeping what a tool says: line by line, bounded, without its secret."""

import re

from django.conf import settings

from deployments.drivers.masking import begun, looks_of, masked, shortened
from deployments.models import LogLine, Run

LINE_MAX = 8_000
DETAIL_MAX = 2_000
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def append(run: Run, text: str, *, secret: str = "") -> None:
    """Add text to a run's log; a last line that is not ended waits in `tail`. The run is saved by the caller.

    Where a line grows too long and is parted, what may be the beginning of the secret waits for the rest of it.
    """
    if not text:
        return
    looks = looks_of(secret)
    *whole, run.tail = masked(run.tail + text, looks).split("\n")
    if len(run.tail) > LINE_MAX:
        end = len(run.tail) - begun(run.tail, looks)
        whole.append(run.tail[:end])
        run.tail = run.tail[end:]
    _keep(run, whole, looks)


def flush(run: Run, *, secret: str = "") -> None:
    """The run has ended: so has its last line."""
    if run.tail:
        _keep(run, [run.tail], looks_of(secret))
        run.tail = ""


def fit(detail: str, secret: str) -> str:
    """What a tool or a driver says of a run, as it may be kept and told: without the secret, bounded, fit for the database."""
    return shortened(detail.replace("\0", "\ufffd"), looks_of(secret), DETAIL_MAX)


def _keep(run: Run, lines: list[str], looks: set[str]) -> None:
    room = settings.HOOK_LOG_MAX_BYTES - run.log_bytes
    kept = []
    for line in lines:
        if room <= 0:
            break
        text = clean(line, looks)
        room -= len(text.encode()) + 1
        kept.append(
            text if room > 0 else f"The log is longer than {settings.HOOK_LOG_MAX_BYTES} bytes; the rest was left out."
        )
    run.log_bytes = settings.HOOK_LOG_MAX_BYTES - room
    LogLine.objects.bulk_create([LogLine(run=run, text=text) for text in kept])


def clean(line: str, looks: set[str]) -> str:
    """A line as people may see it: the last state of a line that was drawn over, no colours, no secret, and only then cut."""
    text = COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2]).replace("\0", "\ufffd")
    return masked(text, looks)[:LINE_MAX]
