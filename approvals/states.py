"""States and kinds of agreement."""

from django.db import models


class RequestState(models.TextChoices):
    PENDING = "pending", "Pending"
    SUSPENDED = "suspended", "Suspended"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"
    SUPERSEDED = "superseded", "Superseded"


class VoteState(models.TextChoices):
    CAST = "cast", "Cast"
    REVOKED = "revoked", "Revoked"
    INVALIDATED = "invalidated", "Stale"


class Verdict(models.TextChoices):
    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"


class Subject(models.TextChoices):
    RELEASE = "release", "Release"
    CHANGE = "change", "Change"


class Facet(models.TextChoices):
    """What of a decision sheet a role may watch."""

    SCOPE = "scope", "Scope"
    ARTIFACT = "artifact", "Artifact"
    WINDOW = "window", "Window"
    ROLLBACK = "rollback", "Rollback"
    RISK = "risk", "Risk"
    CONFIGURATION = "configuration", "Configuration"


class SignoffKind(models.TextChoices):
    FUNCTIONAL = "functional", "Functional"
    REGRESSION = "regression", "Regression"
    PERFORMANCE = "performance", "Performance"
    SECURITY = "security", "Security"
    ACCESSIBILITY = "accessibility", "Accessibility"
    UAT = "uat", "UAT"
    OPERATIONS = "operations", "Operations"


class SignoffState(models.TextChoices):
    REQUIRED = "required", "Required"
    RUNNING = "running", "Running"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    ERRORED = "errored", "Errored"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    SIGNED_OFF = "signed_off", "Signed off"
    WAIVED = "waived", "Waived"
    STALE = "stale", "Stale"


class GrantState(models.TextChoices):
    """The life of a waiver or a freeze override: asked for, decided by a second person, lapsed."""

    REQUESTED = "requested", "Requested"
    GRANTED = "granted", "Granted"
    REFUSED = "refused", "Refused"
    LAPSED = "lapsed", "Lapsed"
