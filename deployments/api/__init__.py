"""The API of deployments: each file lists its ROUTES."""

from deployments.api import cdevents, deployment, hook, sighting

ROUTES = [*deployment.ROUTES, *hook.ROUTES, *sighting.ROUTES, *cdevents.ROUTES]
