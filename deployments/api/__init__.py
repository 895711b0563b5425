"""The API of deployments: each file lists its ROUTES."""

from deployments.api import deployment, hook

ROUTES = [*deployment.ROUTES, *hook.ROUTES]
