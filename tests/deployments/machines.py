"""A machine beside the table of what it does: every step from every state."""

from unittest import mock

from core import gates
from core.blockers import Refused


def tried(row, name: str) -> tuple[str, list[str]]:
    """(state, codes of what stood in the way) after a step of a row as the database has it; no gate has a say."""
    row = type(row).objects.get(pk=row.pk)
    reason = {"reason": "Because."} if type(row).machine.steps[name].reason else {}
    with mock.patch.object(gates, "answers", return_value=[]):
        try:
            getattr(row, name)(**reason)
        except Refused as refusal:
            return row.state, [blocker.code for blocker in refusal.blockers]
    return row.state, []


def differing(found: dict, table: dict) -> dict:
    """{(state, step): (what came of it, what the table says)} where the two are not the same."""
    says = {
        (state, name): (table[name][1], []) if state in table[name][0] else (state, ["state"]) for state, name in found
    }
    return {key: (found[key], says[key]) for key in found if found[key] != says[key]}
