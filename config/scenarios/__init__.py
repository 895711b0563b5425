"""Scenario tables of approvals: written as YAML files without code, played through the real doors, judged step by step.

`reader` reads and checks the files, `vocabulary` holds what they may say, `given` and `acts` open the doors, `expectations` look
at what came of it, `stage` sets up and undoes, `replay` plays one scenario and tells its result, `scratch` lends a database.
"""

from config.scenarios.document import Unreadable
from config.scenarios.reader import Scenario, read_file, read_folder
from config.scenarios.replay import Result, replay
from config.scenarios.stage import Stage

__all__ = ["Result", "Scenario", "Stage", "Unreadable", "read_file", "read_folder", "replay"]
