"""What ships, when, why and where to."""

from releases.models.change import Change
from releases.models.plan import Dependency, FreezeWindow, Risk, RollbackPlan
from releases.models.product import Environment, Product
from releases.models.release import Candidate, Release
from releases.models.stop import Stoppable
from releases.models.template import ChangeTemplate

__all__ = [
    "Candidate",
    "Change",
    "ChangeTemplate",
    "Dependency",
    "Environment",
    "FreezeWindow",
    "Product",
    "Release",
    "Risk",
    "RollbackPlan",
    "Stoppable",
]
