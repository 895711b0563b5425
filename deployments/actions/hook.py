"""Doors of hooks: set up, mended, removed. Their secrets are written and never read back."""

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from deployments.drivers import DRIVERS
from deployments.models import Hook
from releases.models import Environment

RIGHT = "releases.manage_environments"


def save_hook(
    environment_id: int, *, actor: User, hook_id: int | None = None, secret: str | None = None, **fields
) -> Hook:
    """Add a hook to an environment, or change one of its hooks. `fields` are the model's; `secret` None keeps the old one.

    Raises Environment.DoesNotExist, Hook.DoesNotExist, PermissionDenied, or Refused: an unknown driver, a configuration that
    the driver does not take (blockers at `config.<field>`), a name that is taken.
    """
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        hook = environment.hooks.get(pk=hook_id) if hook_id else Hook(environment=environment)
        for name, value in fields.items():
            setattr(hook, name, value)
        if secret is not None:
            hook.secret = secret
        refuse_if(problems(hook))
        hook.save()
        record(
            "environment.hook_changed" if hook_id else "environment.hook_added",
            environment,
            actor=actor,
            hook=hook.pk,
            hook_name=hook.name,
            on=hook.on,
            driver=hook.driver,
            config=hook.config,
            secret_changed=secret is not None,
        )
    return hook


def problems(hook: Hook) -> list[Blocker]:
    """What is wrong with a hook, each at its field; driver fields are named `config.<field>`."""
    found = []
    others = Hook.objects.filter(environment=hook.environment, on=hook.on, name=hook.name).exclude(pk=hook.pk)
    if others.exists():
        found.append(
            Blocker("hook-name-taken", f"There is a hook {hook.name} already. Choose another name.", field="name")
        )
    driver = DRIVERS.get(hook.driver)
    if driver is None:
        known = ", ".join(sorted(DRIVERS))
        return [*found, Blocker("hook-driver", f"Choose a driver that exists: {known}.", field="driver")]
    for field, trouble in driver.validate(hook.config).items():
        found.append(Blocker(f"hook-config:{field}", trouble, field=f"config.{field}"))
    return found


def remove_hook(hook_id: int, *, actor: User) -> None:
    """Remove a hook; the runs that it made stay. Raises Hook.DoesNotExist or PermissionDenied."""
    environment_id = Hook.objects.values_list("environment_id", flat=True).get(pk=hook_id)
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        hook = environment.hooks.get(pk=hook_id)
        name = hook.name
        hook.delete()
        record("environment.hook_removed", environment, actor=actor, hook=hook_id, hook_name=name)


def order_hooks(environment_id: int, ids: list[int], *, actor: User) -> None:
    """Call the hooks of an environment in this order. `ids` names each hook of one purpose once. Raises Refused."""
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        hooks = {hook.pk: hook for hook in environment.hooks.all()}
        if len(set(ids)) != len(ids) or not set(ids) <= hooks.keys():
            refuse("hook-order", "The hooks have changed meanwhile. Look again.")
        for position, pk in enumerate(ids):
            Hook.objects.filter(pk=pk).update(position=position)
        record("environment.hooks_ordered", environment, actor=actor, hooks=ids)
