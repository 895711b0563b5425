"""How refusals look over HTTP."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404

from core.blockers import Blocker, Refused
from core.http import RefusalMiddleware, api_exception_handler, refusal

NO = Refused([Blocker("freeze", "A <freeze> is on.", url="/freezes/1/", fix="Ask for an override")])


@pytest.fixture
def post(rf):
    def make(**headers):
        request = rf.post("/somewhere/", {"reason": "it is <urgent>"}, headers=headers)
        request.user = AnonymousUser()
        return request

    return make


def test_a_refusal_is_a_409_with_reason_fix_and_the_text_typed(post):
    answer = refusal(post(), NO)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "A &lt;freeze&gt; is on." in page
    assert 'href="/freezes/1/"' in page
    assert "it is &lt;urgent&gt;" in page


def test_htmx_gets_the_partial_for_the_region_of_refusals(post):
    request = post()
    request.htmx = True
    answer = refusal(request, NO)
    assert (answer.status_code, answer["HX-Retarget"], b"<html" in answer.content) == (409, "#refusals", False)


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/releases/", "http://testserver/releases/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_stays_on_this_host(post, referer, back):
    page = refusal(post(referer=referer), NO).content.decode()
    assert f'<a class="btn primary" href="{back}">Go back</a>' in page


def test_a_row_that_is_not_there_is_a_404_and_other_faults_stay_faults(post):
    middleware = RefusalMiddleware(lambda request: None)
    with pytest.raises(Http404):
        middleware.process_exception(post(), ObjectDoesNotExist())
    assert middleware.process_exception(post(), RuntimeError()) is None


def test_the_api_tells_the_same_as_data():
    answer = api_exception_handler(NO, {})
    assert answer.status_code == 409
    assert json.loads(json.dumps(answer.data))["blockers"][0] == {
        "code": "freeze",
        "message": "A <freeze> is on.",
        "url": "/freezes/1/",
        "fix": "Ask for an override",
        "field": "",
    }
    assert api_exception_handler(ObjectDoesNotExist(), {}).status_code == 404
    assert api_exception_handler(PermissionDenied("Only Deployer may do this."), {}).data == {
        "detail": "Only Deployer may do this."
    }
    assert api_exception_handler(RuntimeError(), {}) is None
