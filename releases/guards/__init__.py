"""Why a release or a change may not move on: the gates that releases answers. Each names what is missing and who mends it.

Every function takes the object and returns a list of blockers; it reads relations with `.all()`, or the lists that the prefetches
in `apps.py` leave on the product, so that a page of many releases asks no more than a page of one. The `…_because` functions say
in a sentence what made a gate clear.
"""

from releases.guards.addresses import address, lift_address, page
from releases.guards.approval import (
    changes_because,
    changes_not_approved,
    notes_because,
    notes_unreviewed,
    risks_because,
    risks_open,
    rollback_because,
    rollback_plan_incomplete,
)
from releases.guards.build import (
    candidate_because,
    candidate_missing,
    dependencies_because,
    dependencies_unplanned,
    double_scope,
    double_scope_because,
)
from releases.guards.catalogue import (
    field_label,
    template_because,
    template_complete_because,
    template_incomplete,
    template_not_in_force,
)
from releases.guards.change import (
    assessed_because,
    change_held,
    change_not_emergency,
    change_not_standard,
    change_not_unauthorised,
    not_assessed,
)
from releases.guards.deployment import (
    blocked,
    dependencies_released_because,
    dependencies_unreleased,
    window_closed,
    window_open_because,
)
from releases.guards.environment import tier_settled, used
from releases.guards.plan import (
    manager_because,
    manager_missing,
    not_emergency,
    objective_missing,
    scope_because,
    scope_empty,
    window_because,
    window_missing,
)
from releases.guards.standing import carries_candidate, standing
from releases.guards.version import version_because, version_trouble, version_unfit

__all__ = [
    "address",
    "assessed_because",
    "blocked",
    "candidate_because",
    "candidate_missing",
    "carries_candidate",
    "change_held",
    "change_not_emergency",
    "change_not_standard",
    "change_not_unauthorised",
    "changes_because",
    "changes_not_approved",
    "dependencies_because",
    "dependencies_released_because",
    "dependencies_unplanned",
    "dependencies_unreleased",
    "double_scope",
    "double_scope_because",
    "field_label",
    "lift_address",
    "manager_because",
    "manager_missing",
    "not_assessed",
    "not_emergency",
    "notes_because",
    "notes_unreviewed",
    "objective_missing",
    "page",
    "risks_because",
    "risks_open",
    "rollback_because",
    "rollback_plan_incomplete",
    "scope_because",
    "scope_empty",
    "standing",
    "template_because",
    "template_complete_because",
    "template_incomplete",
    "template_not_in_force",
    "tier_settled",
    "used",
    "version_because",
    "version_trouble",
    "version_unfit",
    "window_because",
    "window_closed",
    "window_missing",
    "window_open_because",
]
