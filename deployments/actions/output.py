"""Keeping what a tool says: line by line, bounded, without its secret."""

import re

from django.conf import settings

from deployments.models import LogLine, Run

HIDDEN = "•••••"
LINE_MAX = 8_000
SECRET_MIN = 6
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def append(run: Run, text: str, *, secret: str = "") -> None:
    """Add text to a run's log; a last line that is not ended waits in `tail`. The run is saved by the caller."""
    if not text:
        return
    *whole, run.tail = (run.tail + text).split("\n")
    if len(run.tail) > LINE_MAX:
        whole.append(run.tail)
        run.tail = ""
    _keep(run, whole, secret)


def flush(run: Run, *, secret: str = "") -> None:
    """The run has ended: so has its last line."""
    if run.tail:
        _keep(run, [run.tail], secret)
        run.tail = ""


def _keep(run: Run, lines: list[str], secret: str) -> None:
    room = settings.HOOK_LOG_MAX_BYTES - run.log_bytes
    kept = []
    for line in lines:
        if room <= 0:
            break
        text = clean(line, secret)
        room -= len(text.encode()) + 1
        kept.append(
            text if room > 0 else f"The log is longer than {settings.HOOK_LOG_MAX_BYTES} bytes; the rest was left out."
        )
    run.log_bytes = settings.HOOK_LOG_MAX_BYTES - room
    LogLine.objects.bulk_create([LogLine(run=run, text=text) for text in kept])


def clean(line: str, secret: str) -> str:
    """A line as people may see it: the last state of a line that was drawn over, no colours, no secret."""
    text = COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2])[:LINE_MAX].replace("\0", "\ufffd")
    return text.replace(secret, HIDDEN) if len(secret) >= SECRET_MIN else text
