"""Something must do the work, and be set up rightly."""

from django.urls import reverse

from core.blockers import Blocker
from deployments.checks import CHECKS
from deployments.drivers import DRIVERS
from deployments.states import Purpose


def hooks_unfit(deployment) -> list[Blocker]:
    """Something must do the work, and be set up rightly."""
    product = deployment.environment.product
    url = reverse("deployments:hooks", args=[product.slug])
    hooks = deployment.hooks()
    if not hooks:
        return [
            Blocker("no-hook", f"{deployment.environment} has no active hook: nothing would deploy.", url, "Add a hook")
        ]
    found = [
        Blocker(f"hook-unfit:{hook.pk}", f"{hook}: {trouble}", url, "Mend it")
        for hook in [*hooks, *([] if deployment.is_rollback else _verifying(deployment.environment))]
        if (trouble := unfit(hook))
    ]
    return found + ([] if deployment.is_rollback else checks_unfit(deployment.environment))


def _verifying(environment) -> list:
    return [hook for hook in environment.hooks.all() if hook.is_active and hook.on == Purpose.VERIFY]


def checks_unfit(environment) -> list[Blocker]:
    """A check that cannot be asked would fail the deployment after everything was done. A way back is not kept by it."""
    url = reverse("deployments:verification", args=[environment.product.slug, environment.slug])
    return [
        Blocker(f"check-unfit:{check.pk}", f"{check}: {trouble}", url, "Mend it")
        for check in environment.checks.all()
        if check.is_active and (trouble := unfit_check(check))
    ]


def unfit_check(check) -> str:
    """What is wrong with a check's set-up, or ""."""
    kind = CHECKS.get(check.kind)
    if kind is None:
        return f"there is no kind {check.kind}."
    return " ".join(filter(None, [*kind.validate(check.config).values(), kind.secret_trouble(check.secret)]))


def unfit(hook) -> str:
    """What is wrong with a hook's set-up, or ""."""
    driver = DRIVERS.get(hook.driver)
    if driver is None:
        return f"there is no driver {hook.driver}."
    if getattr(driver, "needs_secret", False) and not hook.secret:
        return f"no {driver.secret_label.lower()} is set."
    return " ".join(driver.validate(hook.config).values())


def because_hooks(deployment) -> str:
    return f"{', '.join(hook.name for hook in deployment.hooks())}."
