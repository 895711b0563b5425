"""The API's description and the page to browse it."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_the_schema_describes_each_room_and_the_sign_in_by_token(client):
    schema = client.get(reverse("schema"), headers={"accept": "application/vnd.oai.openapi+json"}).json()
    rooms = {path.split("/")[3] for path in schema["paths"]}
    wanted = {
        "releases", "changes", "candidates", "products", "environments", "risks", "freezes", "requests", "signoffs", "waivers",
        "overrides", "policies", "deployments", "hooks", "reviews", "action-items", "notifications", "reports", "events", "people",
        "teams", "grants", "tokens",
    }  # fmt: skip
    assert wanted - rooms == set()
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_page_to_browse_it_brings_no_inline_script_or_style(client):
    answer = client.get(reverse("api-docs"))
    page = answer.content.decode()
    assert "<style" not in page
    assert all(" src=" in tag for tag in page.split("<script")[1:])
    rules = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert (rules["script-src"], rules["style-src"], rules["img-src"]) == ("'self'", "'self'", "'self' data:")


def test_the_api_gives_nothing_to_strangers(client):
    answer = client.get("/api/v1/releases/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
