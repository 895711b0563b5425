"""What a step of a runbook must be. All take objects of a locked runbook."""

from accounts import policy
from core.blockers import refuse
from deployments.critical_path import Cycle, Node, in_order
from deployments.models import RunbookStep
from deployments.states import StepKind
from releases.actions.editing import needs_text

FIELDS = (
    "name",
    "instructions",
    "kind",
    "environment",
    "owner",
    "team",
    "planned_minutes",
    "point_of_no_return",
)
SEE = "releases.view_product"


def needs_name(name: str) -> str:
    return needs_text(name, "name", "Give it a name.")


def check(step: RunbookStep) -> None:
    """Raise Refused at the field that does not fit."""
    needs_name(step.name)
    if step.kind == StepKind.DEPLOYMENT:
        _check_environment(step)
    else:
        step.environment = None
    if step.owner and (not step.owner.is_active or not policy.may(step.owner, SEE, step.runbook)):
        refuse(
            "owner-unfit",
            f"{step.owner} may not see {step.runbook.rights_scope}. Choose somebody who may.",
            field="owner",
        )


def _check_environment(step: RunbookStep) -> None:
    product = step.runbook.release.product
    if step.environment is None:
        refuse("environment-missing", "Say where the deployment goes.", field="environment")
    if step.environment.product_id != product.pk:
        refuse("environment-unfit", f"{step.environment} is no environment of {product}.", field="environment")


def check_needs(step: RunbookStep, wanted: list[int], others: list[RunbookStep]) -> None:
    """The steps it needs are of its runbook, and none of them waits for it. Raises Refused at `needs`."""
    known = {other.pk: other for other in others}
    if not set(wanted) <= known.keys() - {step.pk}:
        refuse("needs-unknown", "A step needs other steps of its own runbook.", field="needs")
    if step.pk is None:
        return
    try:
        in_order([Node(o.pk, 0, tuple(wanted if o.pk == step.pk else [n.pk for n in o.needs.all()])) for o in others])
    except Cycle as circle:
        names = ", ".join(f"“{known[key].name}”" for key in circle.keys if key != step.pk and key in wanted)
        refuse(
            "needs-circle",
            f"{names} would wait for this step, and this step for it. Take one of them out.",
            field="needs",
        )
