"""Asking several checks at once, within one bounded time."""

import logging
import queue
import threading
import time
from dataclasses import dataclass, field

from deployments.checks.protocol import Kind, Result
from deployments.drivers.masking import looks_of, shortened, traced

log = logging.getLogger(__name__)
DETAIL_MAX = 500


@dataclass(frozen=True)
class Question:
    """One check to ask: its name, its kind's name, and what the kind is told."""

    name: str
    kind: str
    looker: Kind
    config: dict
    secret: str = field(default="", repr=False)
    facts: dict = field(default_factory=dict)


def ask_together(questions: list[Question], *, timeout_s: float) -> list[Result]:
    """The result of each question, in order, after at most `timeout_s` seconds in all.

    Each is asked in a thread of its own, with nothing locked. What has not answered by then, or breaks, is not well. The
    threads are daemons: one that hangs in a name look-up keeps no worker from ending.
    """
    answers: queue.SimpleQueue = queue.SimpleQueue()
    for place, question in enumerate(questions):
        asker = threading.Thread(target=_ask, args=(place, question, timeout_s, answers), daemon=True)
        asker.start()
    found, ends_at = {}, time.monotonic() + timeout_s
    while len(found) < len(questions):
        try:
            place, result = answers.get(timeout=max(0, ends_at - time.monotonic()))
        except queue.Empty:
            break
        found[place] = result
    late = Result(None, f"No answer within {timeout_s:g} s.", elapsed_ms=round(timeout_s * 1000))
    return [found.get(place, late) for place in range(len(questions))]


def _ask(place: int, question: Question, timeout_s: float, answers: queue.SimpleQueue) -> None:
    try:
        problems = question.looker.validate(question.config)  # also what was allowed when it was saved
        if problems:
            result = Result(None, f"It cannot be asked: {' '.join(problems.values())}")
        else:
            result = question.looker.look(question.config, question.secret, question.facts, timeout_s)
    except Exception as error:  # a fault of ours is never taken for well
        log.error("The check %s broke\n%s", question.name, traced(error, question.secret))
        result = Result(None, f"The check broke: {type(error).__name__}.")
    answers.put((place, _without(result, question.secret)))


def _without(result: Result, secret: str) -> Result:
    """The result with the secret hidden, should what was asked have repeated it, and no longer than a page bears."""
    detail = shortened(result.detail.replace("\0", "\ufffd"), looks_of(secret), DETAIL_MAX)
    return Result(result.ok, detail, result.value, result.elapsed_ms, result.status)
