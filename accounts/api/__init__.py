"""API of accounts."""

from accounts.api.hours import AbsenceViewSet
from accounts.api.people import GrantViewSet, MeViewSet, PersonViewSet, TeamViewSet, TokenViewSet

ROUTES = [
    ("me", MeViewSet, "me"),
    ("people", PersonViewSet, "person"),
    ("absences", AbsenceViewSet, "absence"),
    ("teams", TeamViewSet, "team"),
    ("grants", GrantViewSet, "grant"),
    ("tokens", TokenViewSet, "token"),
]
