"""The door of a person's word on a manual check, and the one look at everything that nobody keeps."""

from accounts import policy
from accounts.models import User
from core import texts
from core.blockers import refuse
from core.events import record
from deployments.actions import asking, steps
from deployments.actions.verification import LOOK_S, RIGHT
from deployments.checks import ask_together
from deployments.models import Check, Deployment, Statement
from deployments.states import CheckKind, DeploymentState
from releases.models import Environment

RIGHTS = ("releases.deploy", "releases.sign_off_tests")


def may_state(user: User, deployment: Deployment) -> bool:
    """Whether somebody's word on a manual check counts: a person who may deploy or sign tests off."""
    return not user.is_service and any(policy.may(user, right, deployment) for right in RIGHTS)


def state_check(deployment_id: int, check_name: str, *, actor: User, ok: bool, comment: str = "") -> Statement:
    """Say whether a manual check of a deployment that is being verified is well. "Not well" fails the deployment at once.

    Raises Deployment.DoesNotExist, Http404/PermissionDenied (a service account, too), or Refused: nothing is being verified, no
    such check, "not well" without saying why, a comment that cannot be kept.
    """
    with steps.held(deployment_id) as deployment:
        policy.require_person(actor)
        policy.require(actor, next((r for r in RIGHTS if policy.may(actor, r, deployment)), RIGHTS[0]), deployment)
        comment = texts.fit(comment, "comment")
        _require_sensible(deployment, check_name, ok, comment)
        statement = Statement.objects.create(
            deployment=deployment,
            since=deployment.verifying_since,
            check_name=check_name,
            ok=ok,
            comment=comment,
            person=actor,
        )
        said = {"check": check_name, "ok": ok, "comment": comment}
        record("deployment.check_stated", deployment, actor=actor, **said, **steps.facts(deployment))
        if not ok:
            steps.fail(deployment, f"{check_name}: {actor} says that it is not well. {comment}", actor=actor)
        elif not deployment.samples.filter(is_open=True).exists():
            steps.look_again(deployment)
    return statement


def _require_sensible(deployment: Deployment, check_name: str, ok: bool, comment: str) -> None:
    if deployment.state != DeploymentState.VERIFYING:
        state = deployment.get_state_display().lower()
        refuse("not-verifying", f"{deployment} is {state}: a word counts while it is being verified.")
    if check_name not in [check.name for check in manual_checks(deployment.environment)]:
        refuse("no-such-check", f"{deployment.environment} has no manual check {check_name}.", field="check")
    if not ok and not comment:
        refuse("no-comment", "Say what is not well: it ends the deployment.", field="comment")


def manual_checks(environment: Environment) -> list[Check]:
    return [check for check in asking.active(environment) if check.kind == CheckKind.MANUAL]


def try_checks(environment_id: int, *, actor: User) -> list[dict]:
    """Ask every check of an environment once, of what is known to run there, and keep nothing.

    [{"check", "kind", "ok", "detail", "value", "elapsed_ms", "status"}], after at most LOOK_S seconds. Hooks are not called. Raises
    Environment.DoesNotExist or PermissionDenied.
    """
    environment = Environment.objects.select_related("product", "verification").get(pk=environment_id)
    policy.require(actor, RIGHT, environment)
    running = environment.deployments.running().select_related("candidate", "previous").first()
    if running is not None:
        running.environment = environment
        facts = asking.facts_of(running, None)
    else:
        facts = dict.fromkeys(("version", "commit", "artifact_digest", "previous_version"), "")
        facts |= {"product": environment.product.slug, "environment": environment.slug, "address": environment.url}
    facts["look"] = f"try-{environment.product.slug}-{environment.slug}"
    asked = asking.questions_of(environment, facts, {})
    return asking.results(asked, ask_together(asked, timeout_s=LOOK_S))
