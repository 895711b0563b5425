"""Logs that are read bit by bit: one number says how far. The log of a run with several jobs is read job by job, in their order."""

import codecs
from collections.abc import Callable, Sequence
from typing import NamedTuple

SPAN = 10**9


class Part(NamedTuple):
    """One job's part of a log. `read` gives its whole text so far; `is_over` when it says no more.

    The parts of a run keep their order, and new ones come behind.
    """

    title: str
    is_over: bool
    read: Callable[[], str]


def log_of(parts: Sequence[Part], offset: int, *, to_the_end: bool) -> tuple[str, int]:
    """The text after `offset` and the offset behind it: SPAN for each part that is done, plus the characters of the next one.

    A part that cannot be read is tried again at the next look; `to_the_end` (the run has ended, there is no next look) it is named
    and left out.
    """
    place, said_already = divmod(offset, SPAN)
    said = []
    for part in parts[place:]:
        try:
            text = part.read()
        except Exception as error:
            if not to_the_end:
                break
            text = f"[its log could not be read: {error}]"
        whole = _headed(part.title, text, part.is_over or to_the_end)
        said.append(whole[said_already:])
        if not part.is_over and not to_the_end:
            said_already = max(said_already, len(whole))
            break
        place, said_already = place + 1, 0
    return "".join(said), place * SPAN + said_already


def _headed(title: str, text: str, is_over: bool) -> str:
    """A part with its title above, and its last line ended when it says no more; nothing where nothing was said."""
    if not text:
        return ""
    ending = "\n" if is_over and not text.endswith("\n") else ""
    return f"── {title} ──\n{text}{ending}"


def after(data: bytes, start: int, *, to_the_end: bool = False) -> tuple[str, int]:
    """The text of the bytes that follow `start`, and the offset behind them. A character whose last bytes are missing waits."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=to_the_end)
    return text.replace("\0", "\ufffd"), start + len(data) - len(decoder.getstate()[0])


def mean(shares: Sequence[float]) -> float | None:
    return sum(shares) / len(shares) if shares else None
