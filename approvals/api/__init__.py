"""API of approvals: the same doors as the pages. ROUTES lists (prefix, view set, basename) for the router."""

from approvals.api.boards import AgendaItemViewSet, BoardViewSet, MeetingViewSet
from approvals.api.delegations import DelegationViewSet
from approvals.api.exemptions import OverrideViewSet, WaiverViewSet
from approvals.api.policies import PolicyViewSet
from approvals.api.requests import RequestViewSet
from approvals.api.stops import LiftViewSet, UnauthorisedChangeViewSet
from approvals.api.tests import SignoffViewSet

ROUTES = [
    ("requests", RequestViewSet, "request"),
    ("signoffs", SignoffViewSet, "signoff"),
    ("waivers", WaiverViewSet, "waiver"),
    ("overrides", OverrideViewSet, "override"),
    ("lifts", LiftViewSet, "lift"),
    ("unauthorised-changes", UnauthorisedChangeViewSet, "unauthorised-change"),
    ("delegations", DelegationViewSet, "delegation"),
    ("policies", PolicyViewSet, "policy"),
    ("boards", BoardViewSet, "board"),
    ("meetings", MeetingViewSet, "meeting"),
    ("agenda-items", AgendaItemViewSet, "agendaitem"),
]
