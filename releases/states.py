"""States, types and scales of what is planned. The words are those of the design's vocabulary."""

from django.db import models


class ReleaseState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PLANNED = "planned", "Planned"
    BUILDING = "building", "Building"
    TESTING = "testing", "Testing"
    APPROVING = "approving", "Approving"
    READY = "ready", "Ready"
    DEPLOYING = "deploying", "Deploying"
    RELEASED = "released", "Released"
    REVIEW = "review", "In review"
    CLOSED = "closed", "Closed"
    ON_HOLD = "on_hold", "On hold"
    CANCELLED = "cancelled", "Cancelled"
    ROLLED_BACK = "rolled_back", "Rolled back"


class Stage(models.TextChoices):
    """The stages as people see them."""

    PLANNING = "planning", "Planning"
    BUILD = "build", "Build & integration"
    TESTING = "testing", "Testing"
    APPROVAL = "approval", "Approval"
    DEPLOYMENT = "deployment", "Deployment"
    REVIEW = "review", "Review"
    CLOSED = "closed", "Closed"


_R, _S = ReleaseState, Stage
STAGE_OF = {
    _R.DRAFT: _S.PLANNING,
    _R.PLANNED: _S.PLANNING,
    _R.BUILDING: _S.BUILD,
    _R.TESTING: _S.TESTING,
    _R.APPROVING: _S.APPROVAL,
    _R.READY: _S.APPROVAL,
    _R.DEPLOYING: _S.DEPLOYMENT,
    _R.RELEASED: _S.REVIEW,
    _R.ROLLED_BACK: _S.REVIEW,
    _R.REVIEW: _S.REVIEW,
    _R.CLOSED: _S.CLOSED,
    _R.CANCELLED: _S.CLOSED,
}

BEFORE_READY = (_R.DRAFT, _R.PLANNED, _R.BUILDING, _R.TESTING, _R.APPROVING)
IN_MOTION = (*BEFORE_READY, _R.READY, _R.DEPLOYING)
OPEN = (*IN_MOTION, _R.ON_HOLD)
CONFIRMED = tuple(state for state in IN_MOTION if state != _R.DRAFT)
FINISHED = (_R.CLOSED, _R.CANCELLED)
SHIPPED = (_R.RELEASED, _R.REVIEW, _R.CLOSED)
WENT_LIVE = (*SHIPPED, _R.ROLLED_BACK)
PLAN_EDITABLE = (*BEFORE_READY, _R.READY)
CARRIES = (_R.BUILDING, _R.TESTING, _R.APPROVING, _R.READY)


class Strategy(models.TextChoices):
    MAJOR = "major", "Major"
    MINOR = "minor", "Minor"
    PATCH = "patch", "Patch"
    EMERGENCY = "emergency", "Emergency"


class ChangeState(models.TextChoices):
    NEW = "new", "New"
    ASSESSING = "assessing", "Assessing"
    AUTHORISING = "authorising", "Authorising"
    APPROVED = "approved", "Approved"
    IMPLEMENTING = "implementing", "Implementing"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    BACKED_OUT = "backed_out", "Backed out"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


AUTHORISED = (ChangeState.APPROVED, ChangeState.IMPLEMENTING, ChangeState.DONE)


class ChangeType(models.TextChoices):
    NORMAL = "normal", "Normal"
    EMERGENCY = "emergency", "Emergency"
    STANDARD = "standard", "Standard"
    UNAUTHORISED = "unauthorised", "Unauthorised"


class TemplateState(models.TextChoices):
    """States of a standard change in the catalogue."""

    DRAFT = "draft", "Draft"
    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    RETIRED = "retired", "Retired"


# What a standard change gives to the changes made of it. What it was judged by stays as it is, whatever else is locked.
GIVEN = ("title", "kind", "breaking", "description", "risk", "impact", "backout")
ALWAYS_LOCKED = ("risk", "impact", "backout")


class ChangeKind(models.TextChoices):
    FEATURE = "feature", "Feature"
    FIX = "fix", "Fix"
    PERFORMANCE = "performance", "Performance"
    REVERT = "revert", "Revert"
    OTHER = "other", "Other"


class RiskBand(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class Treatment(models.TextChoices):
    """What is done about a risk (ISO 31000's options)."""

    UNDECIDED = "undecided", "Undecided"
    MITIGATE = "mitigate", "Mitigate"
    ACCEPT = "accept", "Accept"
    TRANSFER = "transfer", "Transfer"
    AVOID = "avoid", "Avoid"


class Tier(models.TextChoices):
    DEVELOPMENT = "development", "Development"
    TEST = "test", "Test"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class Scheme(models.TextChoices):
    SEMVER = "semver", "SemVer (4.8.0)"
    PEP440 = "pep440", "PEP 440 (4.8.0rc1)"
    CALVER = "calver", "CalVer (2026.11.0)"
    FREE = "free", "Free text"


class RollbackMethod(models.TextChoices):
    REDEPLOY = "redeploy", "Redeploy the last verified candidate"
    REVERT = "revert", "Revert the change and roll forward"
    SWITCH = "switch", "Switch the feature off"
    RESTORE = "restore", "Restore from a backup"


class Needs(models.TextChoices):
    """How much of a phase must be verified before the next one opens."""

    ALL = "all", "All of its environments"
    AT_LEAST = "at_least", "At least some of them"
    OPTIONAL = "optional", "None: it may be passed over"


class ConflictKind(models.TextChoices):
    """What a planned window or deployment may collide with."""

    ENVIRONMENT = "environment", "Same environment"
    DEPENDENCY = "dependency", "Dependent product"
    PEOPLE = "people", "Same people"
    WINDOW = "window", "Outside a deployment window"
    FREEZE = "freeze", "Inside a freeze"


class Severity(models.TextChoices):
    """What a conflict means."""

    WARN = "warn", "Warn"
    OVERRIDE = "override", "Needs an override"
    BLOCK = "block", "Block"
