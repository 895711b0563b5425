"""API of notifications. ROUTES lists (prefix, view set, basename) for the router."""

ROUTES: list = []
