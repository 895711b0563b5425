"""Every address, with good and senseless values, asked by nobody, by a stranger and by the person with all rights."""

from urllib.parse import unquote

from django.urls import Resolver404, resolve

from tests.input import depth, garbage
from tests.input.addresses import Address, every, good
from tests.input.answers import assert_none, body, trouble
from tests.input.conftest import as_person, undone

OPEN_TO_ALL = {
    "live",
    "ready",
    "schema",
    "api-docs",
    "accounts:sign_in",
    "portal:calendar_feed",
    "portal:status",
    "approvals:board_feed",
    "deployments:pulse",  # by a ticket that was sealed for somebody with the right to look
}
SECRETS = ("PAY-100", "2.1.0", "Payments", "Ledger", "Advisory board")  # of products, releases, changes and boards


def asked(client, path: str):
    with undone():
        return client.get(path)


def failed(client, paths) -> list[str]:
    """One line for each path that the server fails at."""
    answers = ((path, asked(client, path)) for path in paths)
    return [f"{path[:90]}: {trouble(answer)}" for path, answer in answers if answer.status_code >= 500]


def spoiled(address: Address, world) -> list[str]:
    """The address with one argument after the other replaced by each nonsense, where that still leads to a page."""
    usual = address.usual(world)[0]
    paths = [address.to(**usual | {a: value}) for a in address.arguments for value in garbage.IN_A_PATH]
    return [path for path in paths if leads_somewhere(path)]


def leads_somewhere(path: str) -> bool:
    try:
        resolve(unquote(path, errors="replace"))
    except Resolver404:
        return False
    return True


def test_a_stranger_is_told_of_no_product_release_change_or_board(world):
    client, told = as_person(world.stranger), []
    for path in good(world):
        if path.startswith(("/status/", "/calendar/feed/")) or "/feed/" in path or is_let_in(path):
            continue
        answer = asked(client, path)
        assert answer.status_code < 500, f"{path}: {trouble(answer)}"
        if answer.status_code == 200 and any(word in body(answer) for word in SECRETS):
            told.append(path)

    assert_none(told)


def is_let_in(path: str) -> bool:
    """Whether it holds a ticket, which was sealed for somebody who had the right to look."""
    return "/pulse/" in path and "/no-ticket/" not in path


def test_who_watches_without_a_ticket_is_told_only_where_to_ask(world):
    (bare,) = (path for path in good(world) if path.endswith("/no-ticket/"))
    asks = bare.replace("pulse/no-ticket", "progress")
    for person in (None, world.stranger):
        client = as_person(person)
        told = body(asked(client, bare))
        assert told.startswith(f'<div id="poll" data-live hx-get="{asks}?after=0&amp;state="'), told
        assert (told.count("<"), asked(client, asks).status_code) == (2, 404 if person else 302)


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_sees_no_data(world):
    client, shown = as_person(), []
    for address in every():
        if address.name not in OPEN_TO_ALL:
            answer = asked(client, address.paths(world)[0])
            allowed = (401, 403, 405) if address.is_api else (302, 404, 405)
            led_away = answer.status_code == 302 and "/sign-in/" not in answer["Location"]
            if answer.status_code not in allowed or led_away:
                shown.append(f"{address}: {trouble(answer)}")

    assert_none(shown)


def test_no_address_fails_on_a_senseless_argument(world):
    paths = [path for turn, address in enumerate(every()) for path in depth.some(spoiled(address, world), turn, each=3)]

    assert len(paths) > 400
    assert_none(failed(as_person(world.master), paths))


def test_no_address_fails_on_a_senseless_query(world):
    asked = depth.shared_out([address.paths(world)[0] for address in every()], garbage.IN_A_QUERY, each=1)

    assert_none(failed(as_person(world.master), [f"{path}?{garbage.query(value)}" for path, value in asked]))
