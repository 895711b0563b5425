"""API of accounts. ROUTES lists (prefix, view set, basename) for the router."""

ROUTES: list = []
