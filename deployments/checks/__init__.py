"""Kinds of checks: how it is seen whether a deployed environment is well. No models, no database.

A kind is one file here that ends with `check = …`; its name is the file's and stands in states.CheckKind. The environment's own
health path is built in (health.py). docs/verification.md says what counts.
"""

import importlib
import pkgutil

from deployments.checks.health import health
from deployments.checks.protocol import Field, Kind, Result
from deployments.checks.together import Question, ask_together


def _found() -> dict[str, Kind]:
    """{name: kind} of every file of this folder that has one."""
    modules = {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
    return {name: module.check for name, module in modules.items() if hasattr(module, "check")}


CHECKS: dict[str, Kind] = _found()

__all__ = ["CHECKS", "Field", "Kind", "Question", "Result", "ask_together", "health"]
