"""API of releases. ROUTES lists (prefix, view set, basename) for the router."""

ROUTES: list = []
