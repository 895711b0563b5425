"""What one sample asks, and how its answers are kept. Reads only; what it returns can be used with nothing locked."""

from dataclasses import asdict

from deployments import guards
from deployments.checks import CHECKS, Kind, Question, Result, health
from deployments.models import Check, Deployment, Hook, Run, Sample
from deployments.states import CheckKind, Purpose, RunState
from releases.models import Environment

BUILT_IN = "health"
HOOK = "hook"
NAME_OF_BUILT_IN = "Health"


class _NoSuchKind(Kind):
    label = what = "unknown"

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        return Result(None, "There is no such kind of check any more.")


def questions(deployment: Deployment, sample: Sample | None) -> list[Question]:
    """Everything that is asked at once for a sample: the built-in check if the environment has an address, then the others."""
    facts = facts_of(deployment, sample)
    said = newest_statements(deployment)
    return questions_of(deployment.environment, facts, said)


def questions_of(environment: Environment, facts: dict, said: dict[str, dict]) -> list[Question]:
    """The built-in check first, where the environment has an address; then those in use. `said` is what people stated, by check."""
    found = []
    if environment.url:
        how = guards.verification_of(environment)
        config = {"path": how.path, "version_path": how.version_path}
        found.append(Question(NAME_OF_BUILT_IN, BUILT_IN, health, config, facts=facts))
    return found + [_question(check, facts, said) for check in active(environment)]


def _question(check: Check, facts: dict, said: dict[str, dict]) -> Question:
    told = facts | {"check": check.name, "look": f"{facts['look']}-{check.pk}"}
    if check.kind == CheckKind.MANUAL:
        told["statement"] = said.get(check.name)
    return Question(check.name, check.kind, CHECKS.get(check.kind, _NoSuchKind()), check.config, check.secret, told)


def active(environment: Environment) -> list[Check]:
    return sorted((c for c in environment.checks.all() if c.is_active), key=lambda c: (c.position, c.pk))


def hooks(environment: Environment) -> list[Hook]:
    """The hooks called in each sample, in order."""
    found = [hook for hook in environment.hooks.all() if hook.is_active and hook.on == Purpose.VERIFY]
    return sorted(found, key=lambda hook: (hook.position, hook.pk))


def facts_of(deployment: Deployment, sample: Sample | None) -> dict:
    """What checks are told of a deployment; JSON-able."""
    candidate, environment, previous = deployment.candidate, deployment.environment, deployment.previous
    return {
        "product": environment.product.slug,
        "environment": environment.slug,
        "address": environment.url,
        "deployment": deployment.pk,
        "kind": deployment.kind,
        "candidate": candidate.number,
        "version": candidate.version,
        "commit": candidate.commit,
        "artifact_digest": candidate.artifacts[0]["digest"] if candidate.artifacts else "",
        "previous_version": previous.version if previous else "",
        "sample": sample.pk if sample else None,
        "look": f"{deployment.key}-s{sample.pk if sample else 0}",
    }


def newest_statements(deployment: Deployment) -> dict[str, dict]:
    """{name of a manual check: what was said last in the verification that runs now}."""
    rows = deployment.statements.filter(since=deployment.verifying_since).select_related("person").order_by("pk")
    return {row.check_name: {"ok": row.ok, "comment": row.comment, "person": str(row.person)} for row in rows}


def results(asked: list[Question], answers: list[Result]) -> list[dict]:
    """As a sample keeps them."""
    return [{"check": q.name, "kind": q.kind} | asdict(answer) for q, answer in zip(asked, answers, strict=True)]


def lost(question: Question, why: str) -> dict:
    return {"check": question.name, "kind": question.kind} | asdict(Result(None, why))


def result_of(run: Run) -> dict:
    """A hook that was called for a sample: only a run that succeeded is well."""
    took = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else 0
    ok = {RunState.SUCCEEDED: True, RunState.FAILED: False, RunState.CANCELLED: False}.get(RunState(run.state))
    words = {True: "It succeeded.", False: "It failed.", None: "It has not ended with an answer."}[ok]
    detail = run.detail or words
    if ok is None and run.state != RunState.UNKNOWN:
        detail = "It has not ended in time."
    return {"check": run.name, "kind": HOOK} | asdict(Result(ok, detail, elapsed_ms=max(0, round(took * 1000))))


def summary(found: list[dict]) -> str:
    """One sentence for a sample: what was not well, or that all was."""
    bad = [result for result in found if not result["ok"]]
    if not bad:
        return found[0]["detail"] if len(found) == 1 else f"All {len(found)} checks are well." if found else ""
    if len(found) == 1 and found[0]["kind"] == BUILT_IN:
        return found[0]["detail"]
    return " ".join(f"{result['check']}: {result['detail']}" for result in bad)
