"""Something must do the work, and be set up rightly."""

from django.urls import reverse

from core.blockers import Blocker
from deployments.drivers import DRIVERS


def hooks_unfit(deployment) -> list[Blocker]:
    """Something must do the work, and be set up rightly."""
    product = deployment.environment.product
    url = reverse("deployments:hooks", args=[product.slug])
    hooks = deployment.hooks()
    if not hooks:
        return [
            Blocker("no-hook", f"{deployment.environment} has no active hook: nothing would deploy.", url, "Add a hook")
        ]
    return [
        Blocker(f"hook-unfit:{hook.pk}", f"{hook}: {trouble}", url, "Mend it")
        for hook in hooks
        if (trouble := unfit(hook))
    ]


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
