"""The API of deployments: each file lists its ROUTES."""

from deployments.api import (
    booking,
    cdevents,
    check,
    deployment,
    hook,
    pipeline,
    runbook,
    runbook_step,
    sighting,
    way_back,
)

ROUTES = [
    *booking.ROUTES,
    *runbook.ROUTES,
    *runbook_step.ROUTES,
    *check.ROUTES,
    *deployment.ROUTES,
    *hook.ROUTES,
    *pipeline.ROUTES,
    *way_back.ROUTES,
    *sighting.ROUTES,
    *cdevents.ROUTES,
]
