"""What ships, when, why and where to."""

from releases.models.candidate import Candidate
from releases.models.change import Change
from releases.models.plan import Dependency, Risk, RollbackPlan
from releases.models.product import Environment, Phase, Product
from releases.models.release import Release
from releases.models.stop import Stoppable
from releases.models.tables import attach_tables
from releases.models.template import ChangeTemplate
from releases.models.timetable import ConflictRule, DeploymentWindow, FreezeWindow, Recurring

__all__ = [
    "Candidate",
    "Change",
    "ChangeTemplate",
    "ConflictRule",
    "Dependency",
    "DeploymentWindow",
    "Environment",
    "FreezeWindow",
    "Phase",
    "Product",
    "Recurring",
    "Release",
    "Risk",
    "RollbackPlan",
    "Stoppable",
]

attach_tables()
