"""The small services that the demonstration deploys: their sources, and the Git history they come with."""

from config.demonstration.service.repository import build_repository
from config.demonstration.service.story import NOTIFICATIONS, PAYMENTS, Product, Revision

__all__ = ["NOTIFICATIONS", "PAYMENTS", "Product", "Revision", "build_repository"]
