"""Who has to agree to what: per kind of subject a decision table, kept in versions so that the past stays true."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from approvals.querysets import PolicyQuerySet
from approvals.states import Clock, Facet, Mode, PolicyState, Subject
from approvals.subjects.policy import conditions
from core.machine import LifecycleModel, Machine, StateField
from releases.models import Product

State = PolicyState
machine = Machine("policy", label="Approval policy")
PERSON = settings.AUTH_USER_MODEL


class Policy(LifecycleModel):
    """One version of the decision table of one kind of subject. Rows change in a draft only.

    At most one version per subject is in force; `valid_from` and `valid_until` tell when each was.
    """

    machine = machine

    subject = models.CharField(max_length=10, choices=Subject.choices)
    version = models.PositiveIntegerField(default=1)
    mode = models.CharField(max_length=5, choices=Mode.choices, default=Mode.FIRST)
    note = models.TextField(blank=True, help_text="What changes, and why")
    state = StateField(default=State.DRAFT, choices=State.choices, protected=True)
    is_shadow = models.BooleanField("runs in shadow", default=False)
    based_on = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(PERSON, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    valid_from = models.DateTimeField(
        null=True, blank=True, help_text="In force from; empty: as soon as it is approved"
    )
    valid_until = models.DateTimeField(null=True, blank=True)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["subject", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "version"], name="policy_once_per_version"),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(state="in_force"), name="policy_one_in_force_per_subject"
            ),
        ]

    def __str__(self):
        named = "Policy of policies" if self.subject == Subject.POLICY else f"{self.get_subject_display()} policy"
        return f"{named}, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("approvals:policy", args=[self.pk])

    @property
    def rights_scope(self) -> None:
        """It decides over all products."""
        return None

    @machine.transition(
        state,
        source=State.DRAFT,
        target=State.PROPOSED,
        right="releases.manage_policies",
        label="Propose",
        gates=("complete", "policy"),
    )
    def propose(self):
        self.is_shadow = False

    @machine.transition(
        state, source=State.PROPOSED, target=State.DRAFT, right="", label="Back to draft", automatic=True
    )
    def send_back(self):
        pass

    @machine.transition(
        state,
        source=State.PROPOSED,
        target=State.SCHEDULED,
        right="",
        label="Schedule",
        automatic=True,
        gates=("approval",),
    )
    def schedule(self):
        """Approved; in force from `valid_from`."""

    @machine.transition(
        state, source=State.SCHEDULED, target=State.IN_FORCE, right="", label="Put in force", automatic=True
    )
    def enact(self):
        self.valid_from = timezone.now()

    @machine.transition(state, source=State.IN_FORCE, target=State.RETIRED, right="", label="Retire", automatic=True)
    def retire(self):
        self.valid_until = timezone.now()

    @machine.transition(
        state,
        source=[State.DRAFT, State.SCHEDULED],
        target=State.DISCARDED,
        right="releases.manage_policies",
        label="Discard",
        reason=True,
        tone="warn",
    )
    def discard(self, reason: str):
        self.is_shadow = False


class PolicyRow(models.Model):
    """One row of a policy: conditions on the facts of a subject (empty: any), and what follows where all hold."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="rows")
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=100, help_text="Rows are asked in this order")
    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="policy_rows")
    strategies = models.JSONField(default=list, blank=True, help_text="Of the release; empty: any")
    change_types = models.JSONField(default=list, blank=True, help_text="Of the change; empty: any")
    risk_bands = models.JSONField(default=list, blank=True, help_text="Highest open risk; empty: any")
    tiers = models.JSONField(default=list, blank=True, help_text="Highest environment tier it reaches; empty: any")
    size_min = models.PositiveIntegerField(null=True, blank=True, help_text="Changes in scope, at least")
    size_max = models.PositiveIntegerField(null=True, blank=True, help_text="Changes in scope, at most")
    in_freeze = models.BooleanField(null=True, blank=True, help_text="Its window touches a freeze; empty: any")
    emergency = models.BooleanField(null=True, blank=True, help_text="Empty: any")
    valid_from = models.DateField(null=True, blank=True, help_text="First day (UTC) on which the row is asked")
    valid_until = models.DateField(null=True, blank=True, help_text="Last day (UTC) on which the row is asked")
    deadline_hours = models.PositiveIntegerField(default=72)
    clock = models.CharField(max_length=8, choices=Clock.choices, default=Clock.ALWAYS)
    allow_bulk = models.BooleanField(default=False, help_text="May be approved together with others")
    count_requester = models.BooleanField(default=False, help_text="Whoever asks may vote")
    count_author = models.BooleanField(default=False, help_text="Whoever wrote it may vote")
    afterwards = models.CharField(
        max_length=100, blank=True, help_text="Name of the row whose rules are asked afterwards; empty: none"
    )
    afterwards_hours = models.PositiveIntegerField(default=72, help_text="Within which they are to be given")

    class Meta:
        ordering = ["policy_id", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["policy", "name"], name="policy_row_once_per_name")]

    def __str__(self):
        return self.name

    @property
    def rights_scope(self) -> Product | None:
        return self.product

    @property
    def when(self) -> list[str]:
        """Its conditions in words; empty: always."""
        return conditions(self)


class AskedRule(models.Model):
    """n of some people: what a row asks for, and what a request keeps of it."""

    who = models.CharField(
        max_length=500, help_text="Selectors joined by commas: role:…, team:…, person:…; any of them"
    )
    label = models.CharField(max_length=500, blank=True, help_text="The same in words")
    need = models.PositiveSmallIntegerField(default=1)
    veto = models.BooleanField(default=True, help_text="One rejection ends the request")
    stage = models.PositiveSmallIntegerField(default=1, help_text="Asked once the rules of earlier stages are met")
    facets = models.JSONField(default=list, blank=True, help_text="Watched facets; empty: all")

    class Meta:
        abstract = True

    def __str__(self):
        return f"{self.need} of {self.label or self.who}"

    @property
    def watched(self) -> set[str]:
        return set(self.facets) or set(Facet.values)


class Rule(AskedRule):
    """A rule of a row. `facets` are what its voters watch: a later edit of one makes their votes stale."""

    row = models.ForeignKey(PolicyRow, models.CASCADE, related_name="rules")
    deadline_hours = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the row's")

    class Meta:
        ordering = ["row_id", "stage", "pk"]
        constraints = [models.UniqueConstraint(fields=["row", "who"], name="rule_once_per_row")]


class ShadowRun(models.Model):
    """What a policy in shadow would have asked of a request, noted when the request was opened. It decides nothing."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="shadow_runs")
    request = models.ForeignKey("approvals.ApprovalRequest", models.CASCADE, related_name="shadow_runs")
    row_names = models.JSONField(default=list)
    rules = models.JSONField(default=list, help_text="[{who, label, need, veto, stage}]")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["policy_id", "-pk"]
        constraints = [models.UniqueConstraint(fields=["policy", "request"], name="shadow_run_once_per_request")]

    def __str__(self):
        return f"{self.policy} on request {self.request_id}"
