"""Which votes fill which rules of an approval request, and whether the rules can still be met.

A rule asks for approvals in the name of those entitled to it. The place of a person so entitled is a *seat*, named by that
person. Its owner fills it, or somebody who stands in. A person acts once, a seat is filled once, and a filled seat counts
for one rule at most. Where roles overlap, filling rules one after the other can waste a vote on a rule that somebody else
could have filled; a maximum flow from people over seats to rules never does.

Rules are asked in stages. Votes go to the earliest stages that they can fill: the flow is made as large as possible for
the rules of the first stage, then extended to those of the next one along augmenting paths, which may move votes from rule to
rule but leave every rule with as many as it had. So no vote is held by a later stage while an earlier one lacks it.

People are named by whole numbers or texts (one kind at a time); answers do not depend on the order of what is given.
Nothing here touches a database, so answers are kept for questions of the same shape (`filling.best_filling`).
"""

from approvals.quorum.answers import open_stage, possible, solve, still_reachable
from approvals.quorum.parts import Impossible, Outcome, Rule

__all__ = ["Impossible", "Outcome", "Rule", "open_stage", "possible", "solve", "still_reachable"]
