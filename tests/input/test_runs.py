"""What the page of a deployment says about a step that went wrong: the state and the reason as words, never as markup."""

import pytest
from django.urls import reverse

from deployments.states import RunState
from portal.looks import look
from tests.factories import deployments
from tests.input.conftest import as_person

DETAILS = {
    "failed": "Exit status 3.",
    "unknown": "No result within 600 s, and the tool cannot be told to stop.",
    "cancelled": "Stopped because the deployment was aborted.",
    "running": "<img src=x onerror=alert(1)> 42% of nonsense",
}


@pytest.mark.parametrize("state", RunState.values)
def test_the_state_of_every_step_is_a_word_and_its_detail_is_plain_text(own_world, state):
    deployment, hook = own_world.rows["deployment"], own_world.rows["hook"]
    run = deployments.run(deployment, hook, state, position=2, detail=DETAILS.get(state, ""))
    deployments.log(run, "<script>alert(2)</script>", "\x1b[31mred\x1b[0m", "x" * 100_000)

    page = as_person(own_world.master).get(reverse("deployments:deployment", args=[deployment.pk]))

    text = page.content.decode()
    assert page.status_code == 200
    assert f'{run.name}<span class="vh">, {look("run", state).word.lower()}</span>' in text
    assert DETAILS.get(state, "").replace("<", "&lt;").replace(">", "&gt;") in text
    assert "<img src=x" not in text
    assert "<script>alert(2)" not in text
