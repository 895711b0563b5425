"""The built-in check: the environment's own health path, and whether the version deployed answers."""

import time

from deployments import probe
from deployments.checks.protocol import Kind, Result, since


class HealthCheck(Kind):
    """Asks `path` below the environment's address, then `version_path`, unless that is empty or no version is known."""

    label = "Health"
    what = "The environment's own health path, and the version that answers."

    def validate(self, config: dict) -> dict[str, str]:
        """Its paths are columns of the verification, which any text fits."""
        return {}

    def asked(self, config: dict) -> str:
        named = f", {config['version_path']} names the version" if config.get("version_path") else ""
        return f"{config['path']} answers well{named}"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        began = time.monotonic()
        seen = probe.probe(below(facts["address"], config["path"]), timeout_s=timeout_s)
        if seen.ok and config.get("version_path") and facts.get("version"):
            left_s = max(0.1, timeout_s - (time.monotonic() - began))
            address = below(facts["address"], config["version_path"])
            seen = probe.probe(address, expect_version=facts["version"], timeout_s=left_s)
        return Result(seen.ok, seen.detail, elapsed_ms=since(began), status=seen.status)


def below(address: str, path: str) -> str:
    return f"{address.rstrip('/')}/{path.lstrip('/')}"


health = HealthCheck()
