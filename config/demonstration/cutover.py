"""The runbook of the demonstration's next production deployment, as a draft."""

from accounts.models import Team
from config.demonstration.story import Teller
from deployments.actions import runbook
from deployments.states import StepKind
from releases.actions import product
from releases.models import Release

REHEARSED = ["major", "minor"]


def write(tell: Teller, made: Release) -> None:
    """People and a deployment by turns; the caches are warmed beside it. The product asks for rehearsals from now on."""
    manager, production = tell.who(tell.manager), tell.place.environments["Production"]
    product.change_product(tell.place.product.pk, actor=tell.who("ada"), rehearsed_strategies=REHEARSED)
    book = runbook.add_runbook(made.pk, actor=manager)

    def step(name: str, minutes: int, **fields):
        return runbook.add_step(book.pk, actor=manager, name=name, planned_minutes=minutes, **fields)

    payments = Team.objects.get(slug="payments")
    told = step(
        "Tell support that it begins", 5, owner=manager, instructions="In **#support**: refunds may be slow tonight."
    )
    queue = "Copy the queue to the side, and compare the count. The old version reads the copy if we go back."
    step("Copy the refund queue", 15, owner=tell.who("mateus"), instructions=queue)
    live = step("Deploy to production", 10, kind=StepKind.DEPLOYMENT, environment=production)
    warm = step("Warm the caches", 10, team=payments, needs=[told.pk])
    step("Switch instant refunds on", 5, owner=tell.who("mateus"), needs=[live.pk, warm.pk], point_of_no_return=True)
    step("Tell support that it is done", 5, owner=manager)
