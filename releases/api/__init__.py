"""API of releases. ROUTES lists (prefix, view set, basename) for the router."""

from releases.api.change import CandidateViewSet, ChangeViewSet
from releases.api.phase import PhaseViewSet
from releases.api.plan import DependencyViewSet, FreezeViewSet, RiskViewSet
from releases.api.product import EnvironmentViewSet, ProductViewSet
from releases.api.release import ReleaseViewSet
from releases.api.template import TemplateViewSet
from releases.api.window import ConflictRuleViewSet, WindowViewSet

ROUTES = [
    ("products", ProductViewSet, "product"),
    ("environments", EnvironmentViewSet, "environment"),
    ("phases", PhaseViewSet, "phase"),
    ("releases", ReleaseViewSet, "release"),
    ("changes", ChangeViewSet, "change"),
    ("standard-changes", TemplateViewSet, "standard-change"),
    ("candidates", CandidateViewSet, "candidate"),
    ("risks", RiskViewSet, "risk"),
    ("dependencies", DependencyViewSet, "dependency"),
    ("freezes", FreezeViewSet, "freeze"),
    ("deployment-windows", WindowViewSet, "deployment-window"),
    ("conflict-rules", ConflictRuleViewSet, "conflict-rule"),
]
