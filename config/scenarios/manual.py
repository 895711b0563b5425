"""The vocabulary of scenarios as tables in Markdown: what docs/scenarios.md shows, made from the code that reads them."""

from collections.abc import Iterable

from config.scenarios import given, rows
from config.scenarios.acts import ACTS, TOPICS
from config.scenarios.codes import RAISED
from config.scenarios.expectations import CHECKS
from config.scenarios.fields import Spec


def vocabulary() -> str:
    """All tables, one after the other, without the words around them."""
    parts = ["## What is given", _options(given.SPEC)]
    for title, spec in (
        ("A release", given.RELEASE),
        ("A change", given.CHANGE),
        ("A team", given.TEAM),
        ("A row of a policy", rows.ROW),
        ("A rule of a row", rows.RULE),
    ):
        parts += [f"### {title}", _options(spec)]
    parts += ["## Acts"]
    for topic, title in TOPICS.items():
        parts += [f"### {title}", _acts(act for act in ACTS.values() if act.topic == topic)]
    parts += ["## Expectations", _checks()]
    parts += ["## Codes that are no blocker's", _table(("code", "meaning"), RAISED.items())]
    return "\n\n".join(parts) + "\n"


def _options(spec: Spec) -> str:
    return _table(
        ("key", "value", "meaning"),
        ((f"`{name}`" + (" (needed)" if o.required else ""), o.kind.words, o.what) for name, o in spec.items()),
    )


def _acts(acts: Iterable) -> str:
    return _table(("act", "what happens", "options"), ((f"`{a.name}`", a.what, _named(a.spec)) for a in acts))


def _named(spec: Spec) -> str:
    words = []
    for name, option in spec.items():
        if name != "refused":
            need = "" if option.required else "?"
            words.append(f"`{name}{need}`: {option.kind.words}" + (f" ({option.what})" if option.what else ""))
    return "; ".join(words)


def _checks() -> str:
    return _table(("key", "value", "what is compared"), ((f"`{n}`", c.kind.words, c.what) for n, c in CHECKS.items()))


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(list(head)), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
