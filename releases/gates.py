"""Which gates releases answers: {transition: {gate: (label, find, because, prefetch)}}. `apps.py` registers them."""

from releases import guards

OBJECTIVE = ("Objective", guards.objective_missing, None, ())
MANAGER = ("Release manager", guards.manager_missing, guards.manager_because, ("manager",))
WINDOW = ("Window", guards.window_missing, guards.window_because, ())
SCOPE = ("Scope", guards.scope_empty, guards.scope_because, ("changes",))
CANDIDATE = ("Candidate", guards.candidate_missing, guards.candidate_because, ("candidate",))
CHANGES = ("Changes approved", guards.changes_not_approved, guards.changes_because, ("changes",))
ROLLBACK = ("Rollback plan", guards.rollback_plan_incomplete, guards.rollback_because, ("rollback_plan__owner",))
ASSESSED = ("Assessment", guards.not_assessed, guards.assessed_because, ())
STANDARD = ("Standard change in force", guards.template_not_in_force, guards.template_because, ("template__product",))
NOT_HELD = ("Not on hold", guards.change_held, None, ())


def answers(live_releases, open_changes) -> dict[str, dict[str, tuple]]:
    """The table. The two arguments are the `Prefetch` objects for what the guards read on the product."""
    version = ("Version", guards.version_unfit, guards.version_because, ("product", live_releases))
    return {
        "release.plan": {
            "objective": OBJECTIVE,
            "manager": MANAGER,
            "window": WINDOW,
            "scope": SCOPE,
            "version": version,
        },
        "release.start_build": {
            "dependencies_planned": (
                "Dependencies planned",
                guards.dependencies_unplanned,
                guards.dependencies_because,
                ("dependencies__needs__product",),
            ),
            "double_scope": (
                "No change twice",
                guards.double_scope,
                guards.double_scope_because,
                ("changes", "product", open_changes),
            ),
        },
        "release.start_testing": {"candidate": CANDIDATE},
        "release.request_approval": {
            "changes_approved": CHANGES,
            "risks": ("Risks", guards.risks_open, guards.risks_because, ("risks",)),
            "rollback_plan": ROLLBACK,
            "notes": ("Release notes", guards.notes_unreviewed, guards.notes_because, ("notes_reviewed_by",)),
        },
        "release.expedite": {
            "emergency": ("Emergency", guards.not_emergency, None, ()),
            "objective": OBJECTIVE,
            "manager": MANAGER,
            "window": WINDOW,
            "scope": SCOPE,
            "version": version,
            "candidate": CANDIDATE,
            "changes_approved": CHANGES,
            "rollback_plan": ROLLBACK,
        },
        "release.mark_ready": {"changes_approved": CHANGES},
        "release.start_deploying": {
            "not_blocked": ("Not blocked", guards.blocked, None, ("blocked_by", "product__blocked_by")),
            "window_open": ("Window open", guards.window_closed, guards.window_open_because, ()),
            "dependencies_released": (
                "Dependencies released",
                guards.dependencies_unreleased,
                guards.dependencies_released_because,
                ("dependencies__needs__product",),
            ),
        },
        "change.request_authorisation": {"assessed": ASSESSED},
        "change.expedite": {
            "emergency": ("Emergency", guards.change_not_emergency, None, ()),
            "assessed": ASSESSED,
        },
        "change.approve": {"not_held": NOT_HELD},
        "change.implement": {"not_held": NOT_HELD},
        "change.pre_approve": {"template_in_force": STANDARD, "not_held": NOT_HELD},
        "change.fall_back": {"standard": ("Standard change", guards.change_not_standard, None, ())},
        "change.discover": {"unauthorised": ("Unauthorised", guards.change_not_unauthorised, None, ())},
        "change_template.propose": {
            "complete": ("Complete", guards.template_incomplete, guards.template_complete_because, ()),
        },
    }
