"""What a measurement of watchers must keep to: docs/decisions/live-by-polling.md says where the bounds come from."""

from dataclasses import dataclass
from itertools import pairwise

AGE_S = 1.0  # what is promised: a line of the log is seen within a second
# {watchers: seconds for the 95th percentile}: where a pulse comes every second only, a line that just missed one waits for the next
AGE_P95_S = {1: 1.0, 50: 1.0, 200: 2.0, 500: 2.0}
# {watchers: how many times longer a page of somebody who works may take than with none}
PAGE_RATIO = {1: 2.0, 50: 4.0, 200: 7.0, 500: 12.0}
ASKED_AGAIN_S = (
    2.0  # a watcher is told to ask every second at the slowest; one that gets round half as often is starved
)


@dataclass(frozen=True)
class Measured:
    """One crowd beside people who work. Pairs are (median, 95th percentile) in seconds; `rate` is pulses answered a second."""

    watchers: int
    page_s: tuple[float, float]
    answer_s: tuple[float, float] = (0.0, 0.0)
    age_s: tuple[float, float] = (0.0, 0.0)
    rate: float = 0.0


def troubles(found: list[Measured]) -> list[str]:
    """What is wrong with a run, as sentences. The first of `found` has no watchers: pages are held against it."""
    alone, *crowds = found
    if alone.watchers or not crowds:
        raise ValueError("A run begins without watchers and then has some.")
    said = [words for one in crowds for words in _of(one, alone.page_s[0])]
    said += [
        f"{more.watchers} watchers got fewer answers than {fewer.watchers}."
        for fewer, more in pairwise(crowds)
        if more.rate < fewer.rate
    ]
    return said


def _of(one: Measured, page_alone_s: float) -> list[str]:
    said, ratio, most = [], one.page_s[0] / page_alone_s, PAGE_RATIO[one.watchers]
    for name, age, at_most in zip(("half", "95 %"), one.age_s, (AGE_S, AGE_P95_S[one.watchers]), strict=True):
        if not 0 < age <= at_most:
            said.append(
                f"{one.watchers} watchers saw {name} of the lines within {age:.2f} s; at most {at_most} s is promised."
            )
    if ratio > most:
        said.append(f"{one.watchers} watchers made pages take {ratio:.1f} times as long; at most {most} is borne.")
    if one.rate * ASKED_AGAIN_S < one.watchers:
        said.append(f"{one.watchers} watchers got {one.rate:.0f} answers a second: some wait too long.")
    return said
