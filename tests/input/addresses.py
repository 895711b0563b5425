"""Every address of the house, read from its URL patterns, with the values that lead to a row of the world."""

import re
from dataclasses import dataclass

from django.urls import get_resolver

from tests.input.world import FEED, STATUS, World

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
NOT_OURS = ("admin/",)
BEHIND_PK = {
    "accounts:token_revoke": "token",
    "accounts:take_role": "grant",
    "accounts:absence_cancel": "absence",
    "accounts:team_leave": "person",
    "accounts:": "person",
    "releases:": "freeze",
    "portal:retry": "delivery",
    "portal:inbox_item": "request",
    "approvals:evidence": "evidence",
    "approvals:answer": "question",
    "approvals:revoke": "vote",
    "approvals:waiver": "waiver",
    "approvals:override": "override",
    "approvals:policy": "policy",
    "approvals:": "request",
    "deployments:hook": "hook",
    "deployments:": "deployment",
    "reviews:action": "action",
    "reviews:": "review",
    "notifications:": "notification",
    "api:action-item": "action",
}
VERSIONS = ("2.0.0", "2.1.0", "1.9.0", "1.7.0")
STEPS = {
    "releases:step": ("plan", "start_build", "start_testing", "reopen_plan", "hold", "resume", "cancel"),
    "releases:change_step": ("assess", "withdraw", "hold", "release"),
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
        found = [{}]
        for argument in self.arguments:
            found = [known | {argument: v} for known in found for v in self.values(argument, world)]
        return [self.to(**known) for known in found]

    def values(self, argument: str, world: World) -> tuple:
        if argument == "pk":
            return (self._pk(world),)
        if argument == "name":
            return STEPS[self.name]
        if argument == "slug":
            return ("platform",) if self.name.startswith("accounts:") else ("payments",)
        return {
            "product": ("payments",),
            "version": VERSIONS,
            "key": ("PAY-100", "PAY-101"),
            "kind": ("functional",),
            "environment": ("staging",),
            "driver": ("command", "http"),
            "way": ("up",),
            "metric": ("change-lead-time", "deployment-frequency"),
            "year": (2026,),
            "number": (11,),
            "token": (FEED, STATUS, "token-of-the-run"),
        }[argument]

    def _pk(self, world: World) -> int:
        if self.is_api and self.name not in BEHIND_PK and not self.name.startswith("api:action-item"):
            noun = self.name.removeprefix("api:").partition("-")[0]
            return {"product": world.product, "release": world.release}.get(noun, world.rows.get(noun)).pk
        key = max((k for k in BEHIND_PK if self.name.startswith(k)), key=len)
        return world.rows[BEHIND_PK[key]].pk


def every() -> list[Address]:
    """All addresses but those of Django's own admin, each once."""
    found = {}
    for name, route in _walk(get_resolver().url_patterns, "", ""):
        template = re.sub(r"[\^$\\]|/\?", "", ARGUMENT.sub(lambda m: "{" + (m[1] or m[2]) + "}", route))
        if "{format}" not in template and not template.startswith(NOT_OURS):
            arguments = tuple(dict.fromkeys(re.findall(r"{(\w+)}", template)))
            found.setdefault(template, Address(name, template, arguments))
    return list(found.values())


def _walk(patterns, before: str, room: str):
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            inner = f"{room}{pattern.namespace}:" if pattern.namespace else room
            yield from _walk(pattern.url_patterns, route, inner)
        else:
            yield f"{room}{pattern.name or ''}", route
