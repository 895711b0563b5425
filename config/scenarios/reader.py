"""Reads scenario files, and refuses every word in them that is not known."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.scenarios import given
from config.scenarios.acts import ACTS
from config.scenarios.document import Items, Mapping, Unreadable, Wrong, documents
from config.scenarios.expectations import EXPECT
from config.scenarios.fields import Names, at, mapping, one_of

SUFFIXES = (".yaml", ".yml")
KEYS = ("title", "given", "acts")


@dataclass(frozen=True)
class Step:
    """One act with its options as read, or one expectation (act "expect")."""

    act: str
    options: dict[str, Any]
    line: int


@dataclass(frozen=True)
class Scenario:
    """One scenario, checked: what is given, then what is done and expected, in order."""

    file: Path
    line: int
    title: str
    given: dict[str, Any]
    steps: list[Step] = field(default_factory=list)

    def __str__(self):
        return f"{self.file.name}: {self.title}"


def read_folder(folder: Path) -> list[Scenario]:
    """The scenarios of all files in a folder, in the order of their names. Raises Unreadable with every problem of all files."""
    folder = Path(folder)
    if not folder.is_dir():
        raise Unreadable([f"{folder} is no folder."])
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise Unreadable([f"There is no scenario in {folder}: no file there ends in {' or '.join(SUFFIXES)}."])
    found, problems = [], []
    for file in files:
        try:
            found += read_file(file)
        except Unreadable as error:
            problems += error.problems
    problems += _titles_twice(found)
    if problems:
        raise Unreadable(problems)
    return found


def _titles_twice(scenarios: list[Scenario]) -> list[str]:
    first: dict[str, Scenario] = {}
    problems = []
    for scenario in scenarios:
        known = first.setdefault(scenario.title, scenario)
        if known is not scenario:
            where = f"{scenario.file}:{scenario.line}"
            problems.append(f"{where}: “{scenario.title}” is the title of {known.file.name}:{known.line} already.")
    return problems


def read_file(file: Path) -> list[Scenario]:
    """The scenarios of one file. Raises Unreadable."""
    found, problems = [], []
    for number, document in enumerate(documents(file), 1):
        try:
            found.append(_scenario(file, document))
        except Wrong as error:
            problems.append(f"{_place(file, document, number, error.line)}: {error.message}")
    if not found and not problems:
        problems = [f"{file}: it is empty."]
    if problems:
        raise Unreadable(problems)
    return found


def _place(file: Path, document, number: int, line: int) -> str:
    title = document.get("title") if isinstance(document, Mapping) else None
    line = line or getattr(document, "line", 0)
    where = f"{file}:{line}" if line else f"{file}"
    return f"{where}: “{title}”" if isinstance(title, str) else f"{where}: scenario {number}"


def _scenario(file: Path, document) -> Scenario:
    if not isinstance(document, Mapping):
        raise Wrong("a scenario is a mapping with title, given and acts.")
    for key in document:
        with at(document.lines[key]):
            one_of(key, KEYS, "part of a scenario")
    title = document.get("title")
    if not isinstance(title, str) or not title.strip():
        raise Wrong("a scenario needs a title.")
    names = Names()
    with at(document.lines.get("given", document.line)):
        stated = given.read(document.get("given"), names)
    return Scenario(file, document.line, title.strip(), stated, _steps(document, names))


def _steps(document: Mapping, names: Names) -> list[Step]:
    acts = document.get("acts")
    if not isinstance(acts, Items) or not acts:
        raise Wrong("a scenario needs acts, a list.", document.lines.get("acts", document.line))
    steps = [_step(said, line, names) for said, line in zip(acts, acts.lines, strict=True)]
    if not any(step.act == "expect" or "refused" in step.options for step in steps):
        raise Wrong("it expects nothing, so it could not fail.", document.line)
    return steps


def _step(said, line: int, names: Names) -> Step:
    with at(line):
        if not isinstance(said, Mapping) or len(said) != 1:
            raise Wrong("an act is one word with its options, as in - approve: {by: quentin}.")
        [(name, options)] = said.items()
        one_of(name, {*ACTS, "expect"}, "act")
        if name == "expect":
            return Step(name, mapping(options, EXPECT, names, "expect"), line)
        found = ACTS[name]
        if name == "pass" and not isinstance(options, Mapping):
            options = _whole(options, line)
        read = mapping(options, found.spec, names, name)
        found.learn(read, names)
        return Step(name, read, line)


def _whole(value, line: int) -> Mapping:
    """`pass: 3 days` is short for `pass: {time: 3 days}`."""
    found = Mapping(time=value)
    found.line, found.lines = line, {"time": line}
    return found
