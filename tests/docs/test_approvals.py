"""What docs/approvals.md says of approvals, held to the code, and the addresses and nouns that the guides name."""

import csv
import re
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import Resolver404, get_resolver, resolve

from accounts.roles import ROLES
from approvals import escalation, matching, quorum, states, who
from approvals.actions.bulk import MANY
from approvals.models import Policy, PolicyRow
from approvals.policy_forms import ASKABLE
from approvals.subjects import Facts, Stance
from releases.models import Product
from tests.docs.test_guides import DOCS, GUIDES, ROOMS

PAGE = (DOCS / "approvals.md").read_text()
EDITS = Path(settings.BASE_DIR) / "tests" / "approvals" / "edits.csv"
WORDS = {
    choices.__name__: [str(value) for value in choices]
    for choices in (
        states.Subject,
        states.Purpose,
        states.RequestState,
        states.VoteState,
        states.PolicyState,
        states.GrantState,
        states.Mode,
        states.Clock,
        states.Facet,
        Stance,
    )
}


def rows_below(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables in one section, head rows left out."""
    section = page.split(f"{heading}\n", 1)[1]
    section = re.split(r"\n##+ ", section)[0] + "\n"
    lines = re.findall(r"((?:^\|.*\n)+)", section, re.M)
    return [[cell.strip() for cell in row.strip("|").split("|")] for table in lines for row in table.splitlines()[2:]]


@pytest.mark.parametrize("name", WORDS)
def test_every_word_of_the_engine_is_explained(name):
    assert [word for word in WORDS[name] if f"`{word}`" not in PAGE] == []


@pytest.mark.parametrize("choices", [states.Subject, states.Mode, states.Clock])
def test_every_word_stands_beside_what_people_read(choices):
    assert [word for word in choices if f"| {word.label} | `{word.value}` |" not in PAGE] == []


def test_every_way_to_name_people_is_explained():
    assert [kind for kind in who.KINDS if not re.search(rf"`[^`]*\b{kind}:", PAGE)] == []


def test_every_condition_of_a_row_is_explained():
    row = PolicyRow(
        product=Product(pk=1, name="Storefront"),
        strategies=["minor"],
        change_types=["normal"],
        risk_bands=["low"],
        tiers=["staging"],
        size_min=1,
        size_max=2,
        in_freeze=True,
        emergency=True,
        valid_from=date(2026, 3, 2),
        valid_until=date(2026, 3, 2),
    )
    explained = {name for cells in rows_below(PAGE, "### Rows") for name in cells[0].split(", ")}

    stated = {condition.name for condition in matching.conditions(row, Facts("release"))}

    assert len(stated) == 10
    assert stated - explained == set()


def test_each_condition_is_told_for_the_kinds_of_subject_that_have_it():
    told = {cells[0]: subjects_in(cells[2]) for cells in rows_below(PAGE, "### Rows") if len(cells) == 3}
    names = {
        "product": "product",
        "strategies": "strategy",
        "change_types": "change type",
        "risk_bands": "risk",
        "tiers": "environment tier",
        "size_min": "size",
        "size_max": "size",
        "in_freeze": "inside a freeze",
        "emergency": "emergency",
    }

    assert {name: told[names[name]] for name in ASKABLE} == ASKABLE


def subjects_in(words: str) -> set[str]:
    every = set(states.Subject.values)
    if words.startswith("all"):
        return every - set(words.removeprefix("all but ").split(", "))
    return set(words.split(", "))


def test_the_worked_example_is_what_the_quorum_says():
    staff = {"Ana", "Ben", "Cleo", "Dana"}
    rules = [
        quorum.Rule("QA", 2, frozenset({"Ana", "Ben", "Cleo"})),
        quorum.Rule("security", 1, frozenset({"Ana", "Dana"})),
    ]
    told = [cells for cells in rows_below(PAGE, "## Quorum") if set(cells[0].split(", ")) <= staff]

    assert len(told) == 4
    for votes, qa, security, help_ in told:
        outcome = quorum.solve(rules, votes.split(", "))
        assert (", ".join(outcome.filled["QA"]), ", ".join(outcome.filled["security"])) == (qa, security)
        could = set().union(*outcome.could_help.values())
        assert {name for name in staff - set(votes.split(", ")) if name in help_} == could
        assert (help_ == "met") == outcome.met
    assert quorum.possible(rules, {"Ana", "Ben"}).rules == ("QA", "security")
    assert quorum.possible(rules, {"Ana", "Ben", "Cleo"}) is None


@pytest.mark.django_db
def test_the_rules_of_a_new_installation_are_those_that_are_in_force():
    told = rows_below(PAGE, "### Rules of a new installation")
    rows = [row for policy in Policy.objects.in_force() for row in policy.rows.all()]

    assert sorted((name, within) for _, name, _, within in told) == sorted((row.name, hours_of(row)) for row in rows)
    for row in rows:
        asks = next(asks for _, name, asks, _ in told if name == row.name)
        assert (f"afterwards *{row.afterwards}* within {row.afterwards_hours} h" in asks) == bool(row.afterwards)
        named = [ROLES[s.name].name.split()[0].lower() for r in row.rules.all() for s in who.parse(r.who)]
        assert [role for role in named if role not in asks.lower()] == []


def hours_of(row: PolicyRow) -> str:
    return f"{row.deadline_hours} working h" if row.clock == states.Clock.WORKING else f"{row.deadline_hours} h"


def test_the_table_of_material_changes_is_the_one_that_is_tested():
    with EDITS.open(newline="") as file:
        tested = {(r["door"], r["edit"], listed(r["release"]), listed(r["change"])) for r in csv.DictReader(file)}
    told = {
        (door.strip("`"), edit, release, change)
        for door, edits, release, change in rows_below(PAGE, "## Material change")
        for edit in edits.split("; ")
    }

    assert tested
    assert told == tested


def listed(facets: str) -> str:
    return ", ".join(facets.split()) or "none"


def test_the_clock_is_told_as_it_runs():
    shares = [cells[0] for cells in rows_below(PAGE, "## Clock") if cells[0] not in ("Every hour",)]

    assert (escalation.HALF, escalation.THREE_QUARTERS, escalation.NINE_TENTHS) == (0.5, 0.75, 0.9)
    assert [share for share in ("half of its time", "three quarters", "nine tenths") if share not in shares] == []


def test_the_bounds_are_those_of_the_code():
    assert f"At most {MANY} at once" in PAGE


def test_who_may_stop_is_told_in_full():
    sentence = re.search(r"Whoever has the right to block \(([^)]*)\)", PAGE).group(1)
    may = [role.name for role in ROLES.values() if "releases.block_release" in role.rights]

    assert [name for name in may if name.split()[0].lower() not in sentence.lower()] == []


# Addresses and nouns

PARTS = {"kind": "release", "id": "1", "version": "1.0.0", "key": "PAY-1", "day": "2026-03-02"}
HOLDERS = [*GUIDES, *(DOCS / name for name in ("approvals.md", "boards.md", "roles.md"))]


def addresses_of(page: Path) -> list[str]:
    """Paths of pages in backticks, with something in each gap."""
    found = re.findall(r"`(/[^`\s?]*/|/[^`\s?]*\.(?:ics|md))(?:\?[^`]*)?`", page.read_text())
    return [re.sub(r"<(\w+)>", lambda gap: PARTS.get(gap.group(1), "a"), path) for path in found]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in HOLDERS])
def test_every_address_that_a_guide_names_exists(page):
    lost = []
    for path in addresses_of(page):
        try:
            resolve(path)
        except Resolver404:
            lost.append(path)

    assert lost == []


def test_the_guides_name_addresses_at_all():
    assert sum(len(addresses_of(page)) for page in HOLDERS) >= 10


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "core"])
def test_every_address_that_the_architecture_names_exists(room):
    told = {cells[0]: cells[1] for cells in rows_below((DOCS / "architecture.md").read_text(), "## Addresses")}
    known = {name for name in get_resolver().namespace_dict[room][1].reverse_dict if isinstance(name, str)}
    names = re.findall(r"`([a-z_]+)`", told[room])

    assert names
    assert [name for name in names if name not in known] == []


def test_every_door_that_the_architecture_names_exists():
    room, lost = "", []
    for room_name, _, doors in rows_below((DOCS / "architecture.md").read_text(), "## Doors"):
        room = room_name or room
        code = "".join(file.read_text() for file in Path(settings.BASE_DIR, room).rglob("actions*/**/*.py"))
        code += "".join(file.read_text() for file in Path(settings.BASE_DIR, room).glob("actions.py"))
        lost += [f"{room}: {name}" for name in re.findall(r"`([a-z_]+)(?:\(|`)", doors) if f"def {name}(" not in code]

    assert lost == []


def test_every_noun_of_the_api_is_named():
    page = (DOCS / "api.md").read_text()
    nouns = [route[0] for room in ROOMS for route in routes_of(room)]

    assert len(nouns) > 20
    assert [noun for noun in nouns if f"| `{noun}` |" not in page] == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "core"])
def test_every_door_of_the_api_stands_beside_its_noun(room):
    told = {cells[0].strip("`"): cells[2] for cells in rows_below((DOCS / "api.md").read_text(), "## Nouns")}
    doors = {
        f"{noun}: {re.split(r'[/(]', action.url_path)[0]}"
        for noun, view_set, _ in routes_of(room)
        for action in view_set.get_extra_actions()
    }

    assert {door for door in doors if f"`{door.split(': ')[1]}" not in told[door.split(": ")[0]]} == set()


def routes_of(room: str) -> list[tuple]:
    root = Path(settings.BASE_DIR) / room
    if not (root / "api.py").exists() and not (root / "api").is_dir():
        return []
    return getattr(import_module(f"{room}.api"), "ROUTES", [])
