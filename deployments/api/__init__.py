"""The API of deployments: each file lists its ROUTES."""

from deployments.api import cdevents, check, deployment, hook, sighting

ROUTES = [*check.ROUTES, *deployment.ROUTES, *hook.ROUTES, *sighting.ROUTES, *cdevents.ROUTES]
