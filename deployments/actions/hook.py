"""Doors of hooks: set up, mended, removed. Their secrets are written and never read back."""

from django.db.models import Q
from django.urls import reverse

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from deployments.drivers import DRIVERS
from deployments.models import Hook, Run
from deployments.states import UNDER_WAY, OnFailure, Purpose, RunState
from releases.models import Environment

RIGHT = "releases.manage_environments"


def save_hook(
    environment_id: int, *, actor: User, hook_id: int | None = None, secret: str | None = None, **fields
) -> Hook:
    """Add a hook to an environment, or change one of its hooks. `fields` are the model's; `secret` None keeps the old one.

    Raises Environment.DoesNotExist, Hook.DoesNotExist, PermissionDenied, or Refused: an unknown driver, a configuration that
    the driver does not take (blockers at `config.<field>`), a name that is taken, another secret while a tool holds this one.
    """
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        hook = environment.hooks.get(pk=hook_id) if hook_id else Hook(environment=environment)
        for name, value in fields.items():
            setattr(hook, name, value)
        held = _secret_held(hook) if hook.secret and secret not in (None, hook.secret) else []
        if secret is not None:
            hook.secret = secret
        refuse_if([*problems(hook), *held])
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


def _under_way(hook: Hook) -> list[Run]:
    """Its runs that have not ended, or whose tool has not stopped. Nobody begins one of them until this transaction is over."""
    rows = Run.objects.select_for_update(of=("self",), no_key=True).filter(hook=hook)
    return list(rows.filter(Q(state__in=UNDER_WAY) | Q(state=RunState.CANCELLED, due_at__isnull=False)))


def _secret_held(hook: Hook) -> list[Blocker]:
    """What a tool that is at work repeats of the secret is known by it only, and so are its callbacks."""
    held = [run for run in _under_way(hook) if run.state != RunState.WAITING or run.in_doubt or run.handle]
    return [
        Blocker(
            "hook-secret-held",
            f"Deployment {run.deployment_id} is calling {run.name}, so its secret stays. Wait for the end, or cancel it first.",
            *_the_deployment_of(run),
        )
        for run in held[:1]
    ]


def _the_deployment_of(run: Run) -> tuple[str, str]:
    """A blocker's url and fix."""
    return reverse("deployments:deployment", args=[run.deployment_id]), "See the deployment"


def problems(hook: Hook) -> list[Blocker]:
    """What is wrong with a hook, each at its field; driver fields are named `config.<field>`."""
    found = []
    others = Hook.objects.filter(environment=hook.environment, on=hook.on, name=hook.name).exclude(pk=hook.pk)
    if others.exists():
        found.append(
            Blocker("hook-name-taken", f"There is a hook {hook.name} already. Choose another name.", field="name")
        )
    found += _of_no_kind(hook)
    driver = DRIVERS.get(hook.driver)
    if driver is None:
        known = ", ".join(sorted(DRIVERS))
        return [*found, Blocker("hook-driver", f"Choose a driver that exists: {known}.", field="driver")]
    if not isinstance(hook.config, dict):
        return [*found, Blocker("hook-config", "The configuration is an object of fields.", field="config")]
    for field, trouble in driver.validate(hook.config).items():
        found.append(Blocker(f"hook-config:{field}", trouble, field=f"config.{field}"))
    return found


def _of_no_kind(hook: Hook) -> list[Blocker]:
    """What it is called for, and what its failure means, where that is none of what there is."""
    found = []
    if hook.on not in Purpose:
        found.append(Blocker("hook-on", f"Choose when it is called: {', '.join(Purpose)}.", field="on"))
    if hook.on_failure not in OnFailure:
        text = f"Choose what happens when it fails: {', '.join(OnFailure)}."
        found.append(Blocker("hook-on-failure", text, field="on_failure"))
    return found


def remove_hook(hook_id: int, *, actor: User) -> None:
    """Remove a hook; the runs that it made stay. Raises Hook.DoesNotExist, PermissionDenied, or Refused while one goes on."""
    environment_id = Hook.objects.values_list("environment_id", flat=True).get(pk=hook_id)
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        hook = environment.hooks.get(pk=hook_id)
        for run in _under_way(hook):
            text = f"Deployment {run.deployment_id} is calling {run.name}, so it stays. Wait for the end, or cancel it first."
            refuse("hook-under-way", text, url=_the_deployment_of(run)[0], fix=_the_deployment_of(run)[1])
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
