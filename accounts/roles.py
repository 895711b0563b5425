"""The roles and what each may do: one table, read by the grants, the people screens and the docs.

A role is given to a person or a team, for one product or everywhere. Rights are permissions of `releases.Product`, so that
django-guardian can give them per product. The two deciding roles are kept apart: the change manager decides whether, the release
manager how and when.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """A named set of rights. `approves` tells that rules of approval policies may ask for it."""

    slug: str
    name: str
    what: str
    rights: frozenset[str]
    approves: bool = False


VIEW = frozenset({"releases.view_product"})
TAKE_PART = VIEW | {"releases.comment"}
STOP = frozenset({"releases.block_release"})


def _role(
    slug: str, name: str, what: str, *rights: str, base: frozenset[str] = TAKE_PART, approves: bool = False
) -> Role:
    return Role(slug, name, what, base | {f"releases.{r}" for r in rights}, approves)


_ROLES = [
    _role("stakeholder", "Stakeholder", "reads home, releases, calendar and reports", base=VIEW),
    _role(
        "contributor",
        "Contributor",
        "brings changes and candidates into a release",
        "contribute",
        "report_deployments",
    ),
    _role("tester", "Tester", "reports test results and signs tests off", "sign_off_tests"),
    _role(
        "qa-approver",
        "QA approver",
        "approves for quality",
        "vote",
        approves=True,
        base=TAKE_PART | STOP,
    ),
    _role(
        "security-approver",
        "Security approver",
        "approves for security",
        "vote",
        approves=True,
        base=TAKE_PART | STOP,
    ),
    _role(
        "operations-approver",
        "Operations approver",
        "approves for operations",
        "vote",
        approves=True,
        base=TAKE_PART | STOP,
    ),
    _role("product-approver", "Product approver", "approves for the business", "vote", approves=True),
    _role("cab-member", "CAB member", "votes in the change advisory board", "vote", approves=True),
    _role(
        "release-manager",
        "Release manager",
        "decides how and when a release ships",
        "contribute",
        "plan_release",
        "manage_release",
        "deploy",
        "automate_promotion",
        "report_deployments",
        "hold_release",
        "review_release",
        "manage_freezes",
        "manage_environments",
        base=TAKE_PART | STOP,
    ),
    _role(
        "deployer",
        "Deployer",
        "starts, pauses and rolls back deployments",
        "deploy",
        "report_deployments",
        base=TAKE_PART | STOP,
    ),
    _role(
        "change-manager",
        "Change manager",
        "decides whether a change ships",
        "vote",
        "authorise_change",
        "approve_review",
        "unblock_release",
        approves=True,
        base=TAKE_PART | STOP,
    ),
    _role("rule-administrator", "Rule administrator", "keeps approval policies", "manage_policies"),
    _role("auditor", "Auditor", "reads everything, the event log included", "view_event_log", base=VIEW),
    _role(
        "administrator",
        "Administrator",
        "sets up products, environments, people and roles",
        "manage_products",
        "manage_environments",
        "manage_people",
        "view_event_log",
    ),
]

ROLES: dict[str, Role] = {role.slug: role for role in _ROLES}


def every_right() -> frozenset[str]:
    return frozenset().union(*(r.rights for r in _ROLES))
