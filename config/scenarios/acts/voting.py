"""Deciding on a request."""

from approvals import actions as approvals
from approvals import sheet
from approvals.actions.bulk import Ballot, approve_many
from approvals.models import Question
from approvals.states import VoteState
from config.scenarios.acts.asking import AFTERWARDS, OF
from config.scenarios.document import Wrong
from config.scenarios.fields import PERSON, SUBJECT, TEXT, YES_NO, by_key, choice
from config.scenarios.vocabulary import act, may, need
from config.scenarios.world import Broken, World

VOTE = {
    "by": need(PERSON),
    "of": OF,
    "afterwards": AFTERWARDS,
    "place_of": may(PERSON, "whose place it fills, where somebody stands in for several"),
    "comment": may(TEXT),
    "as_read": may(YES_NO, "yes: on what they last read, not on what is there now"),
}


@act("approve", "Approve what is there now.", **VOTE)
def approve(world: World, **options) -> None:
    _vote(world, "approve", **options)


@act("reject", "Reject what is there now.", **VOTE)
def reject(world: World, comment: str = "Not like this.", **options) -> None:
    _vote(world, "reject", comment=comment, **options)


def _vote(
    world: World,
    verdict: str,
    *,
    by: str,
    of: str = "release",
    afterwards: bool = False,
    place_of: str | None = None,
    comment: str = "",
    as_read: bool = False,
) -> None:
    request = world.asked(of, afterwards)
    shown = world.read.get((by, request.pk)) if as_read else sheet.of(request.subject).digest
    if shown is None:
        raise Wrong(f"{by} has not read it yet.")
    seat = world.people[place_of] if place_of else None
    approvals.cast_vote(
        request.pk, actor=world.person(by), verdict=verdict, digest=shown, comment=comment, seat_id=seat
    )


@act(
    "approve_together",
    "Approve several requests in one go.",
    by=need(PERSON),
    outcomes=need(
        by_key(SUBJECT, choice(("approved", "already", "moved", "refused"), "outcome")), "what comes of each of them"
    ),
)
def approve_together(world: World, by: str, outcomes: dict[str, str]) -> None:
    requests = {of: world.asked(of) for of in outcomes}
    ballots = [Ballot(request.pk, sheet.of(request.subject).digest) for request in requests.values()]
    cast = {found.ballot.request_id: found.outcome for found in approve_many(ballots, actor=world.person(by))}
    came = {of: cast[request.pk] for of, request in requests.items()}
    if came != outcomes:
        raise Broken(f"the outcomes are {came}, not {outcomes}")


@act("read", "Open the decision sheet, to decide on it later.", by=need(PERSON), of=OF, afterwards=AFTERWARDS)
def read(world: World, by: str, of: str = "release", afterwards: bool = False) -> None:
    request = world.asked(of, afterwards)
    world.read[by, request.pk] = sheet.of(request.subject).digest


@act(
    "revoke",
    "Take one's vote back.",
    by=need(PERSON),
    vote_of=may(PERSON, "somebody else's vote"),
    of=OF,
    reason=may(TEXT),
)
def revoke(
    world: World, by: str, vote_of: str | None = None, of: str = "release", reason: str = "I was too quick."
) -> None:
    votes = world.asked(of).votes.filter(person=world.people[vote_of or by], state=VoteState.CAST)
    if not votes:
        raise Wrong(f"{vote_of or by} has no vote that counts.")
    approvals.revoke_vote(votes[0].pk, actor=world.person(by), reason=reason)


@act("ask", "Ask a question on the sheet.", by=need(PERSON), of=OF, text=may(TEXT))
def ask(world: World, by: str, of: str = "release", text: str = "Who looks after it on Sunday?") -> None:
    approvals.ask(world.asked(of).pk, actor=world.person(by), text=text)


@act("answer", "Answer the newest question.", by=need(PERSON), text=may(TEXT))
def answer(world: World, by: str, text: str = "The team on call.") -> None:
    approvals.answer(Question.objects.order_by("-pk").first().pk, actor=world.person(by), text=text)
