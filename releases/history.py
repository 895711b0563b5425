"""What an environment has seen. Higher rooms keep it, and say so here: it decides what may still be changed of the environment."""

from collections.abc import Callable

from core.wording import listed

Seen = Callable[[object], list[str]]
_TOLD_BY: list[Seen] = []


def told_by(seen: Seen) -> None:
    """Ask `seen(environment)`, too: what it has in its history, in words ("deployments"). Called in `apps.py`."""
    if seen not in _TOLD_BY:
        _TOLD_BY.append(seen)


def in_words(environment) -> str:
    """ "deployments and reports from outside"; "" where nothing ever happened."""
    return listed([words for seen in _TOLD_BY for words in seen(environment)])
