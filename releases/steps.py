"""Steps that doors of higher rooms share: they take locked objects inside the door's own transaction, save and record.

A deployment that goes live moves the release's changes with it; an approval request that is decided moves its change, puts a
standard change in force, or lifts a stop.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from core import texts
from core.blockers import refuse
from core.events import record
from releases.keys import next_key
from releases.models import Change, ChangeTemplate, Product, Release, RollbackPlan, Stoppable
from releases.states import ChangeState, ChangeType

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
LIFTED = {"release": "release.unblocked", "product": "product.unblocked", "environment": "environment.unblocked"}


def start_changes(release: Release, actor: User) -> list[Change]:
    """approved → implementing for the scope of a locked release. Raises Refused for a change on hold."""
    return [_move(change, "implement", "change.implementing", actor) for change in _in(release, ChangeState.APPROVED)]


def finish_changes(release: Release, actor: User) -> list[Change]:
    """implementing → done: the production deployment is verified."""
    return [_move(change, "finish", "change.done", actor) for change in _in(release, ChangeState.IMPLEMENTING)]


def back_out_changes(release: Release, actor: User) -> list[Change]:
    """implementing, done → backed_out: the rollback is done."""
    states = (ChangeState.IMPLEMENTING, ChangeState.DONE)
    return [_move(change, "back_out", "change.backed_out", actor) for change in _in(release, *states)]


def note_rehearsal(release: Release, at: datetime, actor: User) -> None:
    """The way back of a locked release was rehearsed at `at`; its plan says so, where there is one."""
    plan = RollbackPlan.objects.filter(release=release).first()
    if plan is None:
        return
    was, plan.rehearsed_at = plan.rehearsed_at, at
    plan.save(update_fields=["rehearsed_at"])
    record("release.rollback_plan_changed", release, actor=actor, changed={"rehearsed_at": [was, at]})


def reject_change(change: Change, actor: User, reason: str) -> Change:
    """assessing, authorising → rejected for a locked change whose request is rejected."""
    return _move(change, "reject", "change.rejected", actor, reason=reason)


def fall_back(change: Change, actor: User, fields: Iterable[str], reason: str) -> Change:
    """approved → new for a locked standard change: `fields` are no longer what the catalogue approved.

    It becomes a normal change, to be assessed and authorised. Raises Refused for one that is no approved standard change.
    """
    template = change.template
    change.fall_back(reason=reason)
    change.save()
    record(
        "change.fell_back", change, actor=actor, reason=reason, fields=list(fields), template=template and template.name
    )
    return change


def discover_change(
    product: Product, *, actor: User, title: str, description: str, commits: Iterable[str] = ()
) -> Change:
    """Record a change that was found in place without an approval: of type unauthorised, done. Takes the product's lock.

    `commits` are full commit ids. Raises Refused for a title or a commit that does not fit.
    """
    product = Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    change = Change(
        product=product,
        key=next_key(product),
        title=_title(title),
        description=texts.fit(description, "description"),
        type=ChangeType.UNAUTHORISED,
        commits=_full(commits),
        created_by=actor,
    )
    change.discover()
    change.save()
    record("change.discovered", change, actor=actor, key=change.key, title=change.title, commits=change.commits)
    return change


def _title(text: str) -> str:
    title = texts.fit(text, "title")
    if not 0 < len(title) <= 200:
        refuse("title-invalid", "Say in up to 200 characters what was changed.", field="title")
    return title


def _full(commits: Iterable[str]) -> list[str]:
    found = [commit.lower() for commit in commits]
    for commit in found:
        if not COMMIT.fullmatch(commit):
            refuse("commit-invalid", f"“{commit[:70]}” is no full commit id.", field="commits")
    return found


def propose_template(template: ChangeTemplate, actor: User) -> ChangeTemplate:
    """draft → proposed for a locked standard change. Raises Refused by its gates."""
    template.propose()
    template.save()
    record("template.proposed", template, actor=actor, name=template.name, digest=template.digest)
    return template


def approve_template(template: ChangeTemplate, actor: User) -> ChangeTemplate:
    """proposed → approved for a locked standard change whose request is approved; its content goes into the record."""
    template.approve()
    template.save()
    told = {"name": template.name, "digest": template.digest, "content": template.content}
    record("template.approved", template, actor=actor, **told)
    return template


def reject_template(template: ChangeTemplate, actor: User, reason: str) -> ChangeTemplate:
    """proposed → draft for a locked standard change whose request ended without an approval."""
    template.reject(reason=reason)
    template.save()
    record("template.rejected", template, actor=actor, name=template.name, reason=reason)
    return template


def lift_stop(stopped: Stoppable, *, actor: User, reason: str) -> Stoppable:
    """Lift the stop of a locked release, product or environment. Raises Refused when it is not blocked."""
    if not stopped.is_blocked:
        refuse("not-blocked", f"{stopped} is not blocked.")
    was = stopped.lift()
    stopped.save()
    record(LIFTED[stopped._meta.model_name], stopped, actor=actor, reason=reason, was=was)
    return stopped


def _in(release: Release, *states: str) -> list[Change]:
    rows = Change.objects.select_for_update(of=("self",), no_key=True).select_related("product")
    return list(rows.filter(release=release, state__in=states).order_by("pk"))


def _move(change: Change, step: str, event: str, actor: User, **told) -> Change:
    getattr(change, step)(**told)
    change.save()
    record(event, change, actor=actor, **told)
    return change
