"""States of shipping."""

from django.db import models


class DeploymentState(models.TextChoices):
    """States of a deployment. `paused` waits for a person; `awaiting_approval` came to its time before a gate was clear."""

    PLANNED = "planned", "Planned"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    SCHEDULED = "scheduled", "Scheduled"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    VERIFYING = "verifying", "Verifying"
    SUCCEEDED = "succeeded", "Succeeded"
    PAUSED = "paused", "Paused"
    FAILED = "failed", "Failed"
    ABORTED = "aborted", "Aborted"
    ROLLING_BACK = "rolling_back", "Rolling back"
    ROLLED_BACK = "rolled_back", "Rolled back"
    ROLLBACK_FAILED = "rollback_failed", "Rollback failed"
    SUPERSEDED = "superseded", "Superseded"
    EXPIRED = "expired", "Expired"


_D = DeploymentState
ENDED = (_D.SUCCEEDED, _D.FAILED, _D.ABORTED, _D.ROLLED_BACK, _D.ROLLBACK_FAILED, _D.SUPERSEDED, _D.EXPIRED)
HOLDS_ENVIRONMENT = (_D.RUNNING, _D.VERIFYING, _D.PAUSED, _D.ROLLING_BACK)
WAITING = (_D.PLANNED, _D.AWAITING_APPROVAL, _D.SCHEDULED, _D.QUEUED)


class DeploymentKind(models.TextChoices):
    """Whether it brings a candidate, or the one before back."""

    DEPLOY = "deploy", "Deployment"
    ROLLBACK = "rollback", "Rollback"


class Purpose(models.TextChoices):
    """What a hook is called for."""

    DEPLOY = "deploy", "Deployment"
    ROLLBACK = "rollback", "Rollback"
    VERIFY = "verify", "Verification"


class OnFailure(models.TextChoices):
    """What a failed run means for its deployment."""

    FAIL = "fail", "Fail the deployment"
    PAUSE = "pause", "Pause and ask a person"


class How(models.TextChoices):
    """What becomes of the step that stopped a deployment when it goes on."""

    RETRY = "retry", "Try the step again"
    SKIP = "skip", "Skip the step"
    SUCCEEDED = "succeeded", "The step succeeded"


class RunState(models.TextChoices):
    """One call of a hook."""

    WAITING = "waiting", "Waiting"
    CLAIMED = "claimed", "Claimed"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Outcome unknown"
    CANCELLED = "cancelled", "Cancelled"
    SKIPPED = "skipped", "Skipped"


UNDER_WAY = (RunState.WAITING, RunState.CLAIMED, RunState.RUNNING)


class CheckKind(models.TextChoices):
    """How one look at a deployed environment is taken. A hook called for the verification is one more."""

    HTTP = "http", "HTTP probe"
    PROMETHEUS = "prometheus", "Prometheus query"
    EXTERNAL = "external", "External gate"
    MANUAL = "manual", "A person's word"


class Source(models.TextChoices):
    """Where the word of a deployment made without Slipway came from."""

    API = "api", "API"
    CDEVENTS = "cdevents", "CDEvents"
    PROBE = "probe", "Health check"


class RunbookState(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    ABORTED = "aborted", "Aborted"


class StepState(models.TextChoices):
    """One step of a runbook."""

    WAITING = "waiting", "Waiting"
    READY = "ready", "Ready"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class StepKind(models.TextChoices):
    """Who does a step of a runbook."""

    MANUAL = "manual", "By its owner"
    DEPLOYMENT = "deployment", "A deployment"
