"""The codes with which doors refuse and gates block, read from the code itself, so that a scenario can name no other."""

import ast
import re
from functools import cache
from pathlib import Path

from django.conf import settings

ROOMS = ("core", "accounts", "releases", "approvals", "deployments")
# What a door raises besides Refused, and what it refuses by the name of an empty field, in the words of scenarios.
RAISED = {
    "comment": "the comment is missing",
    "reason": "the reason is missing",
    "text": "the text is missing",
    "forbidden": "who asks may not do this",
    "unseen": "who asks may not even see it",
    "gone": "there is no such thing",
}
_SAYS = ("Blocker", "refuse", "_stop")


@cache
def patterns() -> tuple[re.Pattern, ...]:
    """One pattern per code that stands in the source; `.+` where a part of it is made up as it is said."""
    found = set()
    for room in ROOMS:
        for file in sorted((Path(settings.BASE_DIR) / room).rglob("*.py")):
            found |= _of_module(ast.parse(file.read_text(encoding="utf-8")))
    return tuple(re.compile(pattern) for pattern in sorted(found))


def _of_module(tree: ast.Module) -> set[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    named = [c for c in calls if getattr(c.func, "id", getattr(c.func, "attr", "")) in _SAYS]
    return {pattern for call in named if (pattern := _pattern(call.args[0]))}


def _pattern(code: ast.expr) -> str:
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        return re.escape(code.value)
    if isinstance(code, ast.JoinedStr):
        parts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in code.values]
        return "".join(parts) if any(p != ".+" for p in parts) else ""
    return ""


def known(code: str) -> bool:
    return code in RAISED or any(pattern.fullmatch(code) for pattern in patterns())
