"""Whether a policy can decide: a row that matches, rules that can be met, a version that is whole."""

from approvals import matching
from approvals.subjects import kind_of
from approvals.subjects.kind import address
from core import wording
from core.blockers import Blocker


def policy_unmet(subject) -> list[Blocker]:
    """No row of the policy in force matches, or its rules cannot be met without the requester and the authors."""
    found = matching.match_for(subject)
    if found is None:
        message = f"No row of the approval policy matches this {kind_of(subject).noun}."
        return [Blocker("policy-missing", message, address("approvals:policies"), "Open policies")]
    return rules_impossible(subject, found.rules, wording.listed(found.names), found)


def rules_impossible(subject, rules, name: str, exceptions=matching.NO_EXCEPTIONS) -> list[Blocker]:
    """Says which rules cannot be met with the people who may count, absences and stand-ins counted."""
    rules = list(rules)
    if not rules:
        message = f"The policy row “{name}” has no rules."
        return [Blocker("policy-empty", message, address("approvals:policies"), "Open policies")]
    short = matching.impossible(subject, rules, _asking(subject), exceptions)
    if short is None:
        return []
    given = short.needed - short.short_by
    could = "nobody" if not given else "one person" if given == 1 else f"{given} people"
    asked = wording.listed([f"{r.need} of {r.label}" for r in rules if r.who in short.rules])
    message = (
        f"“{name}” asks for {asked}; without the requester, the authors and those who are away {could} could give that."
    )
    return [
        Blocker(f"rule-impossible:{key}", message, address("accounts:people"), "Give the role to somebody")
        for key in short.rules[:1]
    ]


def _asking(subject) -> int | None:
    """Who asks: the door says so on the object; before the click it is likely whoever looks after the subject."""
    asking = getattr(subject, "asking", None)
    return asking.pk if asking is not None else kind_of(subject).asks(subject)


def policy_said(subject) -> str:
    found = matching.match_for(subject)
    rules = [f"{r.need} of {r.label}" for r in found.rules]
    return f"“{wording.listed(found.names)}” asks for {wording.listed(rules)}."


def policy_incomplete(policy) -> list[Blocker]:
    """A draft without rows, or with rows that ask nobody or name a row that is not there."""
    rows = list(policy.rows.all())
    url = address("approvals:policy", policy.pk)
    if not rows:
        return [Blocker("rows-missing", "The policy has no rows yet.", url, "Add a row")]
    names = {row.name for row in rows}
    found = [Blocker("rules-missing", f"The row “{row.name}” asks nobody.", url) for row in rows if not row.rules.all()]
    found += [
        Blocker(
            "afterwards-unknown", f"“{row.name}” asks “{row.afterwards}” afterwards, and there is no such row.", url
        )
        for row in rows
        if row.afterwards and row.afterwards not in names
    ]
    return found
