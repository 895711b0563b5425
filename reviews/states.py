"""States of looking back."""

from django.db import models


class ReviewState(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    COLLECTING = "collecting", "Collecting"
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    CLOSED = "closed", "Closed"
    REOPENED = "reopened", "Reopened"


class ActionState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ACCEPTED = "accepted", "Accepted"
    IN_PROGRESS = "in_progress", "In progress"
    DONE = "done", "Done"
    VERIFIED = "verified", "Verified"
    DROPPED = "dropped", "Dropped"


class Outcome(models.TextChoices):
    SUCCESS = "success", "Success"
    PARTIAL = "partial", "Partial success"
    FAILURE = "failure", "Failure"


class FindingKind(models.TextChoices):
    WENT_WELL = "went_well", "Went well"
    WENT_WRONG = "went_wrong", "Went wrong"
    LUCKY = "lucky", "Got lucky"
    LEARNED = "learned", "Learned"
