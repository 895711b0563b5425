"""API of reviews. ROUTES lists (prefix, view set, basename) for the router."""

ROUTES: list = []
