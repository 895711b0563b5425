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
    """What an approval request can be about."""

    RELEASE = "release", "Release"
    CHANGE = "change", "Change"
    WAIVER = "waiver", "Waiver of a test"
    OVERRIDE = "override", "Freeze override"
    LIFT = "lift", "Lifting of a stop"
    TEMPLATE = "template", "Standard change"
    POLICY = "policy", "Approval policy"


class Purpose(models.TextChoices):
    """Whether agreement is asked before something happens, or given afterwards to what an emergency did."""

    DECIDE = "decide", "Decide"
    RETROSPECTIVE = "retrospective", "Retrospective"


class PolicyState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PROPOSED = "proposed", "Proposed"
    SCHEDULED = "scheduled", "Scheduled"
    IN_FORCE = "in_force", "In force"
    RETIRED = "retired", "Retired"
    DISCARDED = "discarded", "Discarded"


class Mode(models.TextChoices):
    """Which of the rows that match a subject give it their rules."""

    FIRST = "first", "First match"
    ALL = "all", "All matches"


class Clock(models.TextChoices):
    """Which hours count towards a deadline."""

    ALWAYS = "always", "Every hour"
    WORKING = "working", "Working hours of those who could approve"


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
