"""What follows once a request is approved, in a sentence: nothing ships by agreement alone."""

from approvals.states import Subject
from approvals.subjects.lift import worded
from core import gates, wording
from releases.models import Release


def of(request) -> str:
    """ "Storefront 4.8.0 becomes ready. Nothing ships until somebody starts the deployment." """
    if request.is_retrospective:
        return f"what was done for {request.subject} is agreed to afterwards. Nothing moves by it."
    return _WORDS[request.kind](request)


def _of_release(request) -> str:
    return f"{_then(request.release)} Nothing ships until somebody starts the deployment."


def _then(release: Release) -> str:
    names = [n for n in Release.machine.steps["mark_ready"].gates if n != "approval"]
    blocking = [a for a in gates.answers("release.mark_ready", names, release) if not a.clear]
    if release.state == "ready" or not blocking:
        return f"{release} {'stays' if release.state == 'ready' else 'becomes'} ready."
    gates_left = wording.listed([a.label.lower() for a in blocking])
    return f"{release} becomes ready as soon as {gates_left} {'is' if len(blocking) == 1 else 'are'} clear."


def _of_change(request) -> str:
    return f"{request.change.key} is approved. It ships with the release that it is in."


def _of_waiver(request) -> str:
    waiver = request.waiver
    kind = waiver.signoff.get_kind_display().lower()
    return f"the {kind} tests are waived until {wording.full(waiver.expires_at)}; after that they are required again."


def _of_override(request) -> str:
    override = request.override
    until = wording.full(override.expires_at)
    where = f"during “{override.freeze.name}”" if override.freeze_id else f"though it is {_conflict(override)},"
    return f"{override.release} may start {where} until {until}. Nothing ships by it alone."


def _conflict(override) -> str:
    """What the override lets it do all the same."""
    return {
        "environment": "in the way of another window",
        "dependency": "out of order with what it depends on",
        "people": "in need of the same people as another release",
    }.get(override.kind, "outside a deployment window")


def _of_lift(request) -> str:
    return f"the stop is lifted: deployments of {worded(request.lift)} may start again."


def _of_template(request) -> str:
    return f"changes from “{request.template.name}” go ahead without asking, as long as its locked fields stay."


def _of_policy(request) -> str:
    policy = request.proposal
    if policy.valid_from:
        return f"{policy} is in force from {wording.full(policy.valid_from)}. Running requests keep their rules."
    return f"{policy} is in force at once. Running requests keep their rules."


_WORDS = {
    Subject.RELEASE.value: _of_release,
    Subject.CHANGE.value: _of_change,
    Subject.WAIVER.value: _of_waiver,
    Subject.OVERRIDE.value: _of_override,
    Subject.LIFT.value: _of_lift,
    Subject.TEMPLATE.value: _of_template,
    Subject.POLICY.value: _of_policy,
}
