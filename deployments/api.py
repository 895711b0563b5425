"""API of deployments. ROUTES lists (prefix, view set, basename) for the router."""

ROUTES: list = []
