"""Time passes, and what ends by itself ends."""

from datetime import timedelta

from approvals import tasks
from config.scenarios.fields import SPAN
from config.scenarios.vocabulary import act, need
from config.scenarios.world import World


@act("pass", "Let time pass; then what is due happens. Short: `pass: 3 days`.", time=need(SPAN))
def pass_(world: World, time: timedelta) -> None:
    world.clock.forward(seconds=time.total_seconds())
    tasks.lapse_due()
