from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        answer_gates()
        let_through_conflicts()
        react()


def answer_gates() -> None:
    """Register this room's answers to the gates that transitions ask."""
    from approvals import guards, matching
    from approvals.subjects import KINDS
    from core.gates import register

    rules = matching.TABLES
    votes = ("requests__votes__person", "requests__rules")
    signoffs = ("candidate__signoffs__waivers", "required_table")
    of_release = (*votes, *KINDS["release"].parts)
    freezes = ("freeze_table", "freeze_overrides", "conflict_table")

    for step in ("request_approval", "expedite", "mark_ready", "start_deploying"):
        register(
            f"release.{step}",
            "signoffs",
            guards.signoffs_missing,
            label="Test sign-offs",
            because=guards.signoffs_said,
            prefetch=signoffs,
        )
    in_release = (*rules, "changes", "risks", "product__environments")
    in_change = (*rules, "release", "product__environments")
    for step, read in (
        ("release.request_approval", in_release),
        ("release.expedite", in_release),
        ("change.request_authorisation", in_change),
        ("change.expedite", in_change),
        ("change_template.propose", rules),
        ("policy.propose", rules),
    ):
        register(
            step, "policy", guards.policy_unmet, label="Approval policy", because=guards.policy_said, prefetch=read
        )
    for step in ("mark_ready", "start_deploying"):
        register(
            f"release.{step}",
            "approval",
            guards.approval_missing,
            label="Approval",
            because=guards.approval_said,
            prefetch=of_release,
        )
    register(
        "change.approve",
        "approval",
        guards.approval_missing,
        label="Authorisation",
        because=guards.approval_said,
        prefetch=(*votes, *KINDS["change"].parts),
    )
    for step, kind in (
        ("waiver.grant", "waiver"),
        ("override.grant", "freezeoverride"),
        ("lift.grant", "lift"),
        ("change_template.approve", "changetemplate"),
        ("policy.schedule", "policy"),
    ):
        register(
            step,
            "approval",
            guards.approval_missing,
            label="Approval",
            because=guards.approval_said,
            prefetch=(*votes, *KINDS[kind].parts),
        )
    register("policy.propose", "complete", guards.policy_incomplete, label="Complete", prefetch=("rows__rules",))
    register(
        "release.close",
        "retrospective",
        guards.retrospective_missing,
        label="Retrospective approval",
        because=guards.retrospective_said,
        prefetch=("requests",),
    )
    register(
        "release.plan",
        "freeze",
        guards.freeze_touching_window,
        label="Freezes",
        because=guards.freeze_said_of_window,
        prefetch=freezes,
    )
    register(
        "release.start_deploying",
        "freeze",
        guards.freeze_active,
        label="Freezes",
        because=guards.freeze_said_now,
        prefetch=freezes,
    )
    register("request.approve", "quorum", guards.quorum_open, label="Quorum", prefetch=("votes__person", "rules"))
    register("request.expire", "overdue", guards.not_overdue, label="Deadline")
    register("signoff.sign_off", "current_candidate", guards.candidate_not_current, label="Current candidate")
    register("signoff.sign_off", "evidence", guards.evidence_missing, label="Evidence", prefetch=("evidence",))
    register("signoff.waive", "waiver", guards.waiver_missing, label="Waiver", prefetch=("waivers",))
    register("waiver.grant", "in_future", guards.expiry_past, label="Ends in the future")
    register("override.grant", "in_future", guards.expiry_past, label="Ends in the future")


# What may touch a facet of a decision sheet, or clear the last gate before a release is ready.
OF_RELEASE = (
    "release.plan_edited",
    "release.scope_changed",
    "release.risks_changed",
    "release.rollback_plan_changed",
    "release.dependencies_changed",
    "release.candidate_added",
    "release.held",
    "release.resumed",
    "release.plan_reopened",
    "release.cancelled",
)
OF_CHANGE = (
    "change.edited",
    "change.approved",
    "change.rejected",
    "change.withdrawn",
    "change.held",
    "change.resumed",
)
OF_SIGNOFF = ("signoff.signed_off", "signoff.waived", "signoff.reported")
OF_PRESENCE = ("absence.added", "delegation.ended")
OF_PRODUCT = ("environment.*", "product.pipeline_ordered", "product.phase_*", "product.environment_placed")
OF_NAMES = ("person.changed", "product.changed")
OF_TEMPLATE = ("template.revised", "template.retired")
OF_STOP = ("release.unblocked", "product.unblocked", "environment.unblocked")


def let_through_conflicts() -> None:
    """Overrides let a release through more than freezes: say so to those who look for conflicts."""
    from approvals import guards
    from releases import conflicts

    conflicts.let_through(guards.overridden)


def react() -> None:
    """Say which events of other doors this room follows. Each reaction is harmless to repeat."""
    from approvals import reactions
    from core import outbox

    outbox.on(OF_RELEASE, consumer="approvals.follow_release", run=reactions.follow_release)
    outbox.on(OF_CHANGE, consumer="approvals.follow_change", run=reactions.follow_change)
    outbox.on(OF_SIGNOFF, consumer="approvals.follow_signoff", run=reactions.follow_signoff)
    outbox.on("waiver.lapsed", consumer="approvals.follow_waiver", run=reactions.follow_waiver)
    outbox.on("override.lapsed", consumer="approvals.follow_override", run=reactions.follow_override)
    outbox.on(OF_PRESENCE, consumer="approvals.check_reach", run=reactions.check_reach)
    outbox.on(OF_TEMPLATE, consumer="approvals.follow_template", run=reactions.follow_template)
    outbox.on("policy.discarded", consumer="approvals.follow_policy", run=reactions.follow_policy)
    outbox.on(OF_STOP, consumer="approvals.follow_stop", run=reactions.follow_stop)
    outbox.on("freeze.changed", consumer="approvals.follow_freeze", run=reactions.follow_freeze)
    outbox.on(OF_NAMES, consumer="approvals.follow_rename", run=reactions.follow_rename)
    outbox.on(OF_PRODUCT, consumer="approvals.follow_environment", run=reactions.follow_environment)
    outbox.on(
        ("release.candidate_added", "release.plan_edited"),
        consumer="approvals.renew_signoffs",
        run=reactions.renew_signoffs,
    )
    outbox.on(
        ("request.*", "release.plan_edited", "release.scope_changed"),
        consumer="approvals.fill_agendas",
        run=reactions.fill_agendas,
    )
