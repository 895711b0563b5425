"""The codes of refusals, for programs: each with what it says to people, read from the code that refuses.

A code is what `Blocker`, `refuse` and their like are called with. Where a file makes its codes up elsewhere, COMPUTED names them:
a test holds that list to the files, and docs/refusals.md to the table.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings

ROOMS = {
    "core": "Any noun",
    "accounts": "People, roles, working hours, tokens",
    "releases": "Products, releases, changes, candidates, freezes, windows",
    "approvals": "Requests, votes, policies, sign-offs, waivers, overrides, boards",
    "deployments": "Deployments, hooks, checks, runbooks, sightings",
    "reviews": "Reviews and their actions",
}
SAYS = ("Blocker", "refuse")
HELPERS = ("_stop",)  # functions of one file that take a code and a message; elsewhere the name means something else
APART = ("migrations", "views")  # pages say beforehand what the doors say
GAP = "…"
HEADING = "## "

# {file: {code: what it says}} of the places whose codes are no literals; {} where another place says them.
COMPUTED: dict[str, dict[str, str]] = {
    "approvals/actions/parts.py": {
        "comment": "It needs a comment.",
        "reason": "It needs a reason.",
        "statement": "Write down what was done and what was seen.",
        "text": "Write the answer first.",
    },
    "approvals/actions/vote.py": {},
    "core/blockers.py": {},
    "deployments/guards/rehearsal.py": {
        "rehearsal-changed": "The way back has changed since it was rehearsed …. Rehearse it as it is now.",
        "rehearsal-missing": "Nobody rehearsed the way back from … yet; … asks for it before a … release.",
        "rehearsal-old": "The rehearsal … is older than …. Rehearse it again.",
    },
    "releases/actions/release.py": {},
    "releases/conflicts.py": {
        "dependency:…": "What must ship first comes later, or at the same time.",
        "environment-booked": "… is booked for …. Choose another time.",
        "environment-closed": "… is not open to deployments at that time. …",
        "freeze:…": "“…” freezes …: ….",
        "people:…": "Somebody who is needed is needed elsewhere at the same time.",
        "window-shared:…": "… has the window …; production takes one release at a time. Move one of the two.",
    },
    "releases/guards/deployment.py": {},
    "releases/guards/version.py": {
        "version-invalid": "The version does not fit the product's scheme, or cannot stand in an address.",
        "version-not-newer": "… is not newer than …, the last of its line. Choose a later version.",
    },
}

# What a code means whose words are all made up elsewhere.
MEANINGS = {
    "check-config:…": "A field of the check does not fit; the message says why.",
    "check-secret": "The secret of the check does not fit.",
    "frozen": "A freeze stands over this environment; the message names it.",
    "hook-config:…": "A field of the hook does not fit; the message says why.",
    "not-this-way": "This step is taken elsewhere; the message says where.",
    "not-you": "You may not vote on this one.",
    "one-by-one": "It must be decided by itself, not together with others.",
    "recurrence-invalid": "The rule of the meetings cannot be read (RFC 5545).",
    "rehearsal-in-production": "A rehearsal is made before production, never in it.",
    "repository-unreadable": "The repository of the product cannot be read.",
    "review-not-approved": "The review is not approved yet.",
    "rule-invalid": "The rule of the window or freeze cannot be read (RFC 5545).",
    "signoff-missing:…": "A required test is not signed off for the current candidate; the code names it.",
    "subdivision-unknown": "No holidays are known for this part of the country.",
    "type-unfit": "Changes of this type are made elsewhere, or the type does not exist.",
    "unreadable": "The report cannot be read as any known kind.",
    "who": "It is not said who is meant, or not in a way that is known.",
    "…-invalid": "The field that the code names does not fit.",
    "…-missing": "The field that the code names is needed.",
}


@cache
def of_room(room: str) -> dict[str, tuple[str, ...]]:
    """{code: what it says}, by code; `…` stands where a part is made up as it is said."""
    found: dict[str, set[str]] = {}
    for file in _files(room):
        for code, words in _of_module(_tree(file)):
            found.setdefault(code, set()).update(words)
        for code, meaning in COMPUTED.get(_name(file), {}).items():
            found.setdefault(code, set()).add(meaning)
    return {code: tuple(sorted(found[code] or {MEANINGS.get(code, "")} - {""})) for code in sorted(found)}


def computed() -> set[str]:
    """The files in which a refusal's code is no literal."""
    files = (file for room in ROOMS for file in _files(room))
    return {_name(file) for file in files if any(not _texts(call.args[0]) for call, _ in _calls(_tree(file)))}


def page(text: str) -> str:
    """A page with its tables made anew: what stands before its first heading of second rank is kept."""
    return f"{text.partition(HEADING)[0]}{tables()}"


def tables() -> str:
    """Markdown: a heading and a table for each room."""
    parts = []
    for room, title in ROOMS.items():
        rows = [f"| `{code}` | {' / '.join(words)} |" for code, words in of_room(room).items()]
        parts += [f"{HEADING}{title}", "\n".join(["| code | what it says |", "|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _files(room: str) -> list[Path]:
    files = sorted((Path(settings.BASE_DIR) / room).rglob("*.py"))
    return [file for file in files if not set(APART) & set(file.relative_to(settings.BASE_DIR).parts)]


def _name(file: Path) -> str:
    return file.relative_to(settings.BASE_DIR).as_posix()


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _calls(node: ast.AST, scope: ast.AST | None = None) -> Iterator[tuple[ast.Call, ast.AST | None]]:
    """Each call that refuses, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and child.args and _refuses(child):
            yield child, scope
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else scope)


def _refuses(call: ast.Call) -> bool:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    return name in SAYS or (name in HELPERS and isinstance(call.args[0], ast.Constant))


def _of_module(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for call, scope in _calls(tree):
        words = [text.replace("|", "/") for arg in call.args[1:2] for text in _texts(arg, scope)]
        for code in _texts(call.args[0]):
            yield code, words


def _texts(node: ast.expr | None, scope: ast.AST | None = None) -> list[str]:
    """What an expression may come to, as far as the source says; of a name, what its function set it to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        whole = "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
        return [whole] if whole.strip(f"{GAP}. ") else []
    if isinstance(node, ast.IfExp):
        return _texts(node.body, scope) + _texts(node.orelse, scope)
    if isinstance(node, ast.BinOp):
        return [left + right for left in _texts(node.left, scope) for right in _texts(node.right, scope)]
    if isinstance(node, ast.Name) and scope is not None:
        return _texts(_value(node, scope))
    return []


def _value(name: ast.Name, scope: ast.AST) -> ast.expr | None:
    """What the function sets a name to last before it is read there."""
    known = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and node.lineno < name.lineno
        and any(isinstance(target, ast.Name) and target.id == name.id for target in node.targets)
    ]
    return max(known, key=lambda node: node.lineno).value if known else None
