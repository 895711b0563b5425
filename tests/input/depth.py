"""How deep the sweeps go: everything meets its share of the nonsense, or, under `make soak`, all of it."""

import os
from collections.abc import Iterable, Iterator, Sequence

DEEP = "SOAK_EXAMPLES" in os.environ


def some(kinds: Sequence, turn: int, each: int) -> Sequence:
    """`each` of the kinds, other ones at each turn, so that the turns together meet all of them alike."""
    if DEEP or len(kinds) <= each:
        return kinds
    first = turn * each % len(kinds)
    return [kinds[(first + n) % len(kinds)] for n in range(each)]


def shared_out(things: Iterable, kinds: Iterable, each: int) -> Iterator[tuple]:
    """(thing, kind): every thing with its share of the kinds."""
    kinds = list(kinds)
    for turn, thing in enumerate(things):
        for kind in some(kinds, turn, each):
            yield thing, kind
