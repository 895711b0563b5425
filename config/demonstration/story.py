"""Takes releases through their life in the demonstration, on the story's clock, through the same doors as people do."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from accounts.models import User
from approvals import actions as approvals
from approvals.matching import eligible, required_kinds
from approvals.models import ApprovalRequest, Signoff
from approvals.states import RequestState, SignoffState, Verdict
from config.demonstration import engine
from config.demonstration.clock import Clock
from config.demonstration.portfolio import Place
from deployments.actions import deployment as deployments
from deployments.actions import rehearsal
from deployments.models import Deployment
from releases import commits
from releases.actions import candidate as candidates
from releases.actions import change as change_doors
from releases.actions import notes, release, risk, scope
from releases.models import Change, Release
from releases.repository import open_repository
from releases.states import RiskBand, Treatment
from reviews import actions as reviews

STATEMENTS = {
    "functional": "Walked through the acceptance cases by hand and by script.",
    "regression": "Nightly suite on the candidate, compared with the last release.",
    "performance": "Load profile of a Saturday for 30 minutes; p95 within the budget.",
    "security": "Static analysis, dependency scan, and the checklist for money-moving code.",
    "uat": "Two people of the business went through their week.",
    "accessibility": "Keyboard and screen reader through the main paths.",
    "operations": "Dashboards, alerts and runbook looked at with the on-call.",
}


@dataclass
class Teller:
    """Tells one release's story. `people` are by user name."""

    clock: Clock
    people: dict[str, User]
    place: Place
    manager: str = "ines"
    developer: str = "lena"

    def who(self, name: str) -> User:
        return self.people[name]

    def plan(
        self,
        version: str,
        title: str,
        objective: str,
        *,
        at: datetime,
        strategy: str = "minor",
        hours: int = 2,
        days: float = 0,
    ) -> Release:
        """Draft a release whose window opens `days` after `at`."""
        start = (at + timedelta(days=days)).replace(second=0, microsecond=0)
        return release.draft_release(
            self.place.product.pk,
            actor=self.who(self.manager),
            version=version,
            title=title,
            objective=objective,
            strategy=strategy,
            manager=self.who(self.manager),
            window_starts_at=start,
            window_ends_at=start + timedelta(hours=hours),
        )

    def add_changes(self, made: Release, changes: list[tuple[str, str]]) -> list[Change]:
        """`changes` are (title, risk); each with its kind read from "fix: …"."""
        found = []
        for text, band in changes:
            message = commits.read(text)
            found.append(
                change_doors.add_change(
                    self.place.product.pk,
                    actor=self.who(self.developer),
                    release_id=made.pk,
                    title=message.description,
                    kind=message.kind,
                    risk=band,
                    impact="Shoppers notice nothing but the better result.",
                    backout="Switch it off.",
                )
            )
        return found

    def scope_from_git(self, made: Release, older: str, newer: str) -> list[Change]:
        """Take the notable commits between two tags of the real repository into the scope."""
        product = self.place.product
        with open_repository(
            product.repository, cache_dir=None, allowed_roots=[_folder(product.repository)]
        ) as repository:
            found = repository.commits_between(older, newer)
        chosen = [p for p in commits.propose(found) if p.notable]
        authors = {c.sha: (c.author_name, c.author_email) for c in found}
        return scope.take_from_git(made.pk, chosen, actor=self.who(self.developer), authors=authors)

    def authorise(self, changes: list[Change]) -> None:
        """Assess every change and have it approved by those whom the policy names."""
        self.assess(changes)
        for change in changes:
            asked = approvals.request_change_authorisation(change.pk, actor=self.who(self.manager))
            self.vote(asked)

    def assess(self, changes: list[Change]) -> None:
        for change in changes:
            change_doors.take_change_step(change.pk, "assess", actor=self.who(self.developer))
            change_doors.edit_change(
                change.pk,
                actor=self.who("oskar"),
                risk=change.risk or RiskBand.LOW,
                impact=change.impact or "Better for shoppers.",
                backout="Revert it.",
            )

    def vote(self, request: ApprovalRequest, *, without: tuple[str, ...] = (), comment: str = "") -> None:
        """Let those who are needed approve, one after the other, until it is decided; never those in `without`."""
        rules = list(request.rules.all())
        for who, those in eligible(request.subject, rules, request.requester_id).items():
            need = next(rule.need for rule in rules if rule.who == who)
            for person in [p for p in those.values() if p.username not in without][:need]:
                request.refresh_from_db()
                if request.state != RequestState.PENDING or request.votes.filter(person=person, state="cast").exists():
                    continue
                approvals.cast_vote(
                    request.pk, actor=person, verdict=Verdict.APPROVE, digest=request.digest, comment=comment
                )
                self.clock.forward(minutes=11)
        engine.react()

    def build(self, made: Release, commit: str = "") -> None:
        """Plan, start the build, add a candidate, go to testing."""
        manager = self.who(self.manager)
        release.take_step(made.pk, "plan", actor=manager)
        self.clock.forward(hours=3)
        release.take_step(made.pk, "start_build", actor=manager)
        self.clock.forward(hours=20)
        self.candidate(made, commit)
        release.take_step(made.pk, "start_testing", actor=manager)
        engine.react()

    def candidate(self, made: Release, commit: str = "", version: str = "") -> None:
        seed = f"{made}{made.candidates.count()}"
        commit = commit or hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        digest = "sha256:" + hashlib.sha256(commit.encode()).hexdigest()
        name = f"{self.place.product.slug}-image"
        candidates.add_candidate(
            made.pk, actor=self.who("ci"), commit=commit, version=version, artifacts=[{"name": name, "digest": digest}]
        )
        engine.react()

    def deploy(self, made: Release, where: str) -> Deployment:
        started = deployments.deploy(made.pk, self.place.environments[where].pk, actor=self.who("mateus"))
        return engine.carry_out(started, self.clock)

    def rehearse(self, made: Release, where: str) -> Deployment:
        """Go the way back before production; the candidate comes there again by itself."""
        place = self.place.environments[where]
        engine.carry_out(rehearsal.rehearse(made.pk, place.pk, actor=self.who("mateus")), self.clock)
        again = deployments.advance(place.deployments.waiting().get(release=made).pk)
        return engine.carry_out(again, self.clock)

    def test(self, made: Release, *, but: tuple[str, ...] = ()) -> None:
        """Report and sign off every required kind but those in `but`; the functional one with a report."""
        made.refresh_from_db()
        for kind in required_kinds(made):
            if kind in but:
                continue
            tester = self.who({"security": "tomasz", "uat": "clara"}.get(kind, "yuki"))
            if kind == "functional":
                approvals.attach_report(made.candidate_id, kind, BytesIO(report(made)), "functional.xml", actor=tester)
            else:
                approvals.report_verdict(
                    made.candidate_id, kind, actor=tester, verdict=SignoffState.PASSED, statement=STATEMENTS[kind]
                )
            approvals.sign_off(Signoff.objects.get(candidate=made.candidate_id, kind=kind).pk, actor=tester)
            self.clock.forward(hours=2)
        engine.react()

    def prepare(self, made: Release) -> None:
        """Risks, the way back, the notes: what approval asks for."""
        manager = self.who(self.manager)
        found = risk.add_risk(
            made.pk,
            actor=manager,
            title="Callers with old clients see errors",
            impact=3,
            likelihood=2,
            owner=self.who(self.developer),
        )
        risk.treat_risk(
            found.pk,
            actor=manager,
            treatment=Treatment.MITIGATE,
            plan="Old clients are told two weeks ahead and watched.",
            owner=self.who(self.developer),
        )
        risk.confirm_risks(made.pk, actor=manager)
        risk.save_rollback_plan(
            made.pk,
            actor=manager,
            method="redeploy",
            trigger="Error rate over 0.5% for five minutes",
            steps="Redeploy the last verified candidate.",
            expected_minutes=4,
            owner=self.who("mateus"),
        )
        notes.save_notes(made.pk, actor=manager, text=_notes(made))
        notes.review_notes(made.pk, actor=manager)

    def ask_approval(self, made: Release) -> ApprovalRequest:
        return approvals.request_release_approval(made.pk, actor=self.who(self.manager))

    def close(self, made: Release, summary: str, outcome: str = "success") -> None:
        """Write, approve and close the review that opened by itself."""
        engine.react()
        review = made.review_of
        manager = self.who(self.manager)
        self.clock.forward(days=2)
        reviews.write_review(review.pk, actor=manager, outcome=outcome, summary=summary)
        if outcome != "success":
            finding = reviews.add_finding(review.pk, actor=manager, kind="went_wrong", text=summary)
            due = (self.clock.now().date()) + timedelta(days=21)
            reviews.add_action(
                review.pk,
                actor=manager,
                title=f"Never again: {finding.text[:60]}",
                owner=self.who(self.developer),
                due_on=due,
            )
        reviews.submit_review(review.pk, actor=manager)
        reviews.approve_review(review.pk, actor=self.who("maya"))
        reviews.close_release(made.pk, actor=manager)
        engine.react()


def report(made: Release) -> bytes:
    """A JUnit report of the demonstration's functional tests: one case for each change, and the walk-through."""
    cases = ["starts", "answers", *[c.key for c in made.changes.all()]]
    rows = "".join(f'<testcase classname="functional" name="{name}" time="0.8"/>' for name in cases)
    return f'<testsuite name="functional" tests="{len(cases)}">{rows}</testsuite>'.encode()


def _notes(made: Release) -> str:
    return f"{made.objective}\n\n" + "\n".join(f"- {change.title}" for change in made.changes.all())


def _folder(path: str):
    from pathlib import Path

    return Path(path).parent
