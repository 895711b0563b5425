"""What a deployment of a product would run, as rows of a decision sheet: nobody approves a payload that they cannot see.

Rows say what is called and which inputs it gets, never a value that may be secret: what a driver's `summary` says, so of an
address the host and path, of a command its program and the names of its inputs. The fingerprint covers the whole configuration, so
that what is not shown still counts: an approval does not outlive a change of it. Secrets themselves are no part of it; they may be
renewed without asking anybody.
"""

import hashlib
import json
from contextlib import suppress

from django.core.exceptions import ObjectDoesNotExist

from deployments.checks import CHECKS
from deployments.drivers import DRIVERS

EVERY_S = 2  # between looks, where nobody said otherwise


def hooks(product) -> list[dict]:
    """[{key, text}] of a product's hooks that are in use, in the order of environments and calls. Reads with `.all()`."""
    if product is None:
        return []
    return [
        {"key": f"{environment.name}: {hook.name}", "text": worded(hook, place)}
        for environment in sorted(product.environments.all(), key=lambda e: (e.position, e.pk))
        for place, hook in _in_use(environment)
    ]


def _in_use(environment) -> list[tuple[int, object]]:
    """[(place among the calls of its purpose, hook)]."""
    found, places = [], {}
    for hook in sorted(environment.hooks.all(), key=lambda h: (h.on, h.position, h.pk)):
        if hook.is_active:
            places[hook.on] = places.get(hook.on, 0) + 1
            found.append((places[hook.on], hook))
    return found


def worded(hook, place: int) -> str:
    """ "on deployment, call 1 · command ship.sh with version, environment · at most 600 s, then fail · settings 4be107d2a1c3"."""
    driver = DRIVERS.get(hook.driver)
    called = driver.summary(hook.config) if driver else ""
    parts = [
        f"on {hook.get_on_display().lower()}, call {place}",
        f"{hook.driver} {called}".strip(),
        f"at most {hook.timeout_s} s, when it fails: {hook.get_on_failure_display().lower()}",
        f"settings {fingerprint(hook.config)}",
    ]
    if hook.point_of_no_return:
        parts.append("no way back once it succeeded")
    return " · ".join(parts)


def fingerprint(config: dict) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of the canonical JSON."""
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def verification(product) -> list[dict]:
    """[{key, text}] of how success is proven: in each environment where that was said, and every check that is in use."""
    if product is None:
        return []
    rows = []
    for environment in sorted(product.environments.all(), key=lambda e: (e.position, e.pk)):
        with suppress(ObjectDoesNotExist):
            rows.append({"key": environment.name, "text": _timing(environment.verification)})
        in_use = [check for check in environment.checks.all() if check.is_active]
        for check in sorted(in_use, key=lambda c: (c.kind, c.name, c.pk)):
            rows.append({"key": f"{environment.name}: {check.name}", "text": asked(check)})
    return rows


def _timing(how) -> str:
    """The defaults of delay and interval go without saying, so that what was approved before they existed stands."""
    version = f", {how.version_path} names the version" if how.version_path else ""
    text = f"{how.path} answers well for {how.steady_s} s{version}, within {how.timeout_s} s"
    first = f", first look after {how.delay_s} s" if how.delay_s else ""
    return text + first + (f", a look every {how.interval_s} s" if how.interval_s != EVERY_S else "")


def asked(check) -> str:
    """ "Prometheus query · prometheus.example.org: sum(rate(errors[5m])) is below 1 · settings 4be107d2a1c3"."""
    kind = CHECKS.get(check.kind)
    if kind is None or kind.validate(check.config):
        return f"{check.get_kind_display()} · cannot be asked · settings {fingerprint(check.config)}"
    return f"{kind.label} · {kind.asked(check.config)} · settings {fingerprint(check.config)}"
