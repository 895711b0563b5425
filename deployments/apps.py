from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from approvals import around as around_decisions
        from approvals.subjects import parts
        from core import gates, outbox
        from core.whole_table import attach
        from deployments import around, bookings, guards, payload, reactions, staff, where
        from releases import collisions, conflicts, history, slots
        from releases.models import Release
        from releases.states import ConflictKind

        _answer_own_gates(gates, guards)
        _answer_gates_of_releases(gates, guards)
        attach(Release, "booking_table", bookings.ahead)
        conflicts.find_also(ConflictKind.ENVIRONMENT, bookings.booked, reads="booking_table")
        slots.ends_also(bookings.ends)
        conflicts.wished_also(bookings.wishes)
        history.told_by(where.seen)
        attach(Release, "step_table", staff.open_steps)
        collisions.people_also(staff.needed, reads="step_table")
        around_decisions.add_to_way_back(around.way_back_notes)
        parts.add_to_configuration("hooks", payload.hooks)
        parts.add_to_configuration("verification", payload.verification)
        outbox.on(
            ("release.candidate_added", "release.cancelled"),
            consumer="deployments.supersede",
            run=reactions.supersede_waiting,
        )
        outbox.on(
            ("deployment.succeeded", "release.candidate_added", "release.progression_allowed"),
            consumer="deployments.promote",
            run=reactions.promote_further,
        )
        outbox.on(
            ("product.phase_*", "product.environment_placed", "product.pipeline_ordered", "environment.removed"),
            consumer="deployments.wake",
            run=reactions.look_at_pipeline,
        )
        outbox.on("step.ready", consumer="deployments.deploy_step", run=reactions.deploy_step)
        outbox.on(reactions.ENDED, consumer="deployments.settle_step", run=reactions.settle_step)


def _answer_own_gates(gates, guards):
    queue = {
        "not_blocked": (guards.blocked, "Nothing blocks it", None),
        "not_held": (guards.held, "Not held", None),
        "progression": (guards.progression_prevented, "May go on", guards.because_progression),
        "earlier_phases": (guards.earlier_phases_open, "Earlier phases", guards.because_phase_open),
        "current_candidate": (guards.not_current_candidate, "Current candidate", None),
        "release_may_deploy": (guards.release_not_ready, "Release may deploy", None),
        "window_open": (guards.window_closed, "Window", guards.because_window),
        "freeze": (guards.frozen, "No freeze", guards.because_not_frozen),
        "conflicts": (guards.conflicting, "Conflicts", guards.because_no_conflict),
        "hooks": (guards.hooks_unfit, "Hooks", guards.because_hooks),
        "not_older": (guards.older_than_running, "Not older than what runs", None),
        "rehearsed": (guards.not_rehearsed, "Way back rehearsed", guards.because_rehearsed),
    }
    for name, (find, label, because) in queue.items():
        gates.register("deployment.enqueue", name, find, label=label, because=because)
        gates.register("deployment.start", name, find, label=label, because=because)
    gates.register("deployment.start", "environment_free", guards.not_free, label="Environment is free")
    gates.register("deployment.verify", "runs_succeeded", guards.runs_unfinished, label="Hooks succeeded")
    gates.register("deployment.succeed", "verified", guards.not_verified, label="Verified")
    gates.register(
        "deployment.roll_back", "way_back", guards.no_way_back, label="Way back", because=guards.because_way_back
    )
    gates.register("runbook.start", "complete", guards.incomplete, label="Complete", prefetch=("steps",))
    gates.register("runbook.finish", "steps_done", guards.steps_left, label="Steps done", prefetch=("steps",))


def _answer_gates_of_releases(gates, guards):
    gates.register(
        "release.mark_released",
        "deployment_verified",
        guards.production_unproven,
        label="Verified in production",
        prefetch=("deployments", "product__environments"),
    )
    gates.register(
        "release.roll_back",
        "rollback_done",
        guards.rollback_unfinished,
        label="Rolled back in production",
        prefetch=("deployments__environment",),
    )
    gates.register(
        "release.close",
        "rollbacks_confirmed",
        guards.rollbacks_unconfirmed,
        label="Rollbacks confirmed",
        because=guards.because_confirmed,
        prefetch=("deployments__environment",),
    )
