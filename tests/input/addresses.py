"""Every address of the house, read from its URL patterns, with the values that lead to a row of the world."""

import re
from dataclasses import dataclass

from django.urls import get_resolver

from deployments.drivers import DRIVERS
from deployments.states import CheckKind
from tests.input.shipping import tickets
from tests.input.world import FEED, KINDS, STATUS, World

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
NOT_OURS = ("admin/",)
STATES = ("planned", "scheduled", "held", "verifying")
# Which rows of the world stand behind the number in an address; the longest beginning of its name counts. The API's
# addresses begin with the noun itself.
BEHIND_PK = {
    "accounts:token_revoke": ("token",),
    "accounts:take_role": ("grant",),
    "accounts:absence_cancel": ("absence",),
    "accounts:team_leave": ("person",),
    "accounts:": ("person",),
    "releases:template": ("standard", "used", "proposed"),
    "releases:template_use": ("used",),
    "releases:window": ("window",),
    "releases:phase": ("phase",),
    "releases:": ("freeze",),
    "portal:retry": ("delivery",),
    "portal:inbox_item": ("request", *(f"request about {kind}" for kind in KINDS)),
    "approvals:request_template": ("standard", "proposed"),
    "approvals:evidence": ("evidence",),
    "approvals:answer": ("question",),
    "approvals:revoke": ("vote",),
    "approvals:waiver": ("waiver",),
    "approvals:override": ("override",),
    "approvals:policy": ("policy", "proposal", "policy in force"),
    "approvals:policy_row": ("policy",),
    "approvals:delegation": ("delegation",),
    "approvals:meeting": ("meeting", "session", "held"),
    "approvals:item_add": ("meeting", "session"),
    "approvals:minutes": ("held", "meeting"),
    "approvals:item": ("agendaitem", "discussed"),
    "approvals:": ("request",),
    "deployments:hook": ("hook",),
    "deployments:check": ("check",),
    "deployments:runbook": ("runbook", "runbook running", "runbook over"),
    "deployments:step_new": ("runbook",),
    "deployments:step": ("step",),
    "deployments:step_act": ("step ready", "step running", "step failed", "step waiting", "step"),
    "deployments:move": ("deployment scheduled", "deployment planned"),
    "deployments:join": ("deployment planned",),
    "deployments:hold": ("deployment scheduled",),
    "deployments:let_go": ("deployment held",),
    "deployments:start": ("deployment planned",),
    "deployments:state_check": ("deployment verifying",),
    "deployments:confirm": ("rollback",),
    "deployments:pulse": ("deployment",),
    "deployments:": ("deployment", *(f"deployment {state}" for state in STATES), "rollback"),
    "reviews:action": ("action",),
    "reviews:": ("review",),
    "notifications:": ("notification",),
    "api:action-item": ("action",),
    "api:standard-change-use": ("used",),
    "api:deployment-window": ("window",),
    "api:conflict-rule": ("rule",),
    "api:runbook-abort": ("runbook running",),
    "api:runbook-step": ("step",),
    "api:runbook-step-begin": ("step ready",),
    "api:runbook-step-fail": ("step running",),
    "api:runbook-step-finish": ("step running",),
    "api:runbook-step-skip": ("step failed",),
    "api:runbook-step-take-over": ("step ready",),
    "api:verification": ("environment",),
    "api:pipeline": ("release",),
    "api:way-back": ("release",),
    "api:deployment-start": ("deployment planned",),
    "api:deployment-move": ("deployment scheduled",),
    "api:deployment-queue": ("deployment planned",),
    "api:deployment-hold": ("deployment scheduled",),
    "api:deployment-let-go": ("deployment held",),
    "api:deployment-pause": ("deployment verifying",),
    "api:deployment-statements": ("deployment verifying",),
    "api:deployment-confirm": ("rollback",),
}
STOPPED = {"product": "ledger", "release": "stopped", "environment": "canary"}
KINDS_OF_CHECKS = tuple(CheckKind.values)
VERSIONS = ("2.0.0", "2.1.0", "1.9.0", "1.7.0")
SLUGS = {"accounts:": "platform", "approvals:board": "advisory", "approvals:meeting": "advisory", "": "payments"}
STEPS = {
    "releases:step": ("plan", "start_build", "start_testing", "reopen_plan", "hold", "resume", "cancel"),
    "releases:change_step": ("assess", "withdraw", "hold", "release"),
    "releases:template_step": ("revise", "retire"),
    "approvals:policy_row_step": ("earlier", "later", "double", "remove"),
    "approvals:meeting_step": ("open", "next", "close", "arrive", "attendance"),
    "approvals:item_step": ("take-up", "finish", "defer", "drop", "note"),
    "reviews:step": ("submit", "approve", "reopen"),
    "reviews:action_step": ("accept", "start", "finish", "drop"),
    "api:release-take-step": ("hold", "cancel"),
    "api:change-take-step": ("assess", "withdraw"),
    "api:action-item-step": ("accept", "drop"),
}


@dataclass(frozen=True)
class Address:
    """A pattern as a format string: "r/{product}/{version}/edit/"."""

    name: str
    template: str
    arguments: tuple[str, ...]

    def __str__(self):
        return self.name or self.template

    @property
    def is_api(self) -> bool:
        return self.template.startswith("api/v1/")

    def to(self, **values) -> str:
        return "/" + self.template.format(**values)

    def paths(self, world: World) -> list[str]:
        """Where it leads to rows of the world: one path, or one for each stage or step."""
        return [self.to(**known) for known in self.usual(world)]

    def usual(self, world: World) -> list[dict]:
        """The arguments that lead to rows of the world, the simplest first."""
        if self.name == "approvals:lift":
            return [{"kind": kind, "pk": world.rows[noun].pk} for kind, noun in STOPPED.items()]
        found = [{}]
        for argument in self.arguments:
            found = [known | {argument: v} for known in found for v in self._values(argument, world)]
        return found

    def _values(self, argument: str, world: World) -> tuple:
        if argument == "pk":
            return tuple(world.rows[noun].pk for noun in self._nouns)
        if argument == "name":
            return STEPS[self.name]
        if argument == "slug":
            return (longest(SLUGS, self.name),)
        return {
            "product": ("payments",),
            "version": VERSIONS,
            "key": ("PAY-100", "PAY-101"),
            "kind": KINDS_OF_CHECKS if self.name == "deployments:check_new" else ("functional",),
            "environment": ("staging", "production"),
            "driver": tuple(sorted(DRIVERS)),
            "way": ("up", "down", "remove") if self.name == "deployments:step_arrange" else ("up", "down"),
            "verb": ("begin", "done", "take-over", "fail", "skip"),
            "ticket": tickets(world),
            "how": ("approve", "reject", "ask"),
            "metric": ("change-lead-time", "deployment-frequency"),
            "subject": ("release", "policy"),
            "row": (world.rows["row"].pk,),
            "row_pk": (world.rows["row"].pk,),
            "year": (2026,),
            "number": (11,),
            "token": (FEED, STATUS, "token-of-the-run"),
        }[argument]

    @property
    def _nouns(self) -> tuple[str, ...]:
        return longest(BEHIND_PK, self.name) or (self.name.removeprefix("api:").partition("-")[0],)


def longest(table: dict, name: str):
    """What the longest beginning of a name leads to, or None."""
    return table.get(max((key for key in table if name.startswith(key)), key=len, default=None))


def every() -> list[Address]:
    """All addresses but those of Django's own admin, each once."""
    found = {}
    for name, route in _walk(get_resolver().url_patterns, "", ""):
        template = re.sub(r"[\^$\\]|/\?", "", ARGUMENT.sub(lambda m: "{" + (m[1] or m[2]) + "}", route))
        if "{format}" not in template and not template.startswith(NOT_OURS):
            arguments = tuple(dict.fromkeys(re.findall(r"{(\w+)}", template)))
            found.setdefault(template, Address(name, template, arguments))
    return list(found.values())


def good(world: World) -> list[str]:
    """Every path that leads to rows of the world."""
    return [path for address in every() for path in address.paths(world)]


def _walk(patterns, before: str, room: str):
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            inner = f"{room}{pattern.namespace}:" if pattern.namespace else room
            yield from _walk(pattern.url_patterns, route, inner)
        else:
            yield f"{room}{pattern.name or ''}", route
