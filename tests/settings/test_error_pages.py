"""What is shown when something is not there, not allowed or broken: our look, no secrets."""

import pytest
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import path

from hub import urls
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def broken(request: object) -> None:
    raise RuntimeError("canary-5e1f: a name that must not be shown")


urlpatterns = [*urls.urlpatterns, path("broken", broken)]


def test_not_found_is_said_in_our_look_and_tells_nothing() -> None:
    response = Client().get("/nowhere/jane-doe")
    assert response.status_code == 404
    assert b"This page is not here" in response.content and b"911" in response.content
    assert b"jane-doe" not in response.content


def test_an_agent_is_told_that_the_people_page_is_not_theirs() -> None:
    client = Client()
    client.force_login(UserFactory())
    response = client.get("/staff/people/")
    assert response.status_code == 403
    assert b"You are not allowed" in response.content


@override_settings(ROOT_URLCONF="tests.settings.test_error_pages")
def test_a_fault_of_ours_shows_no_words_of_anybody() -> None:
    response = Client(raise_request_exception=False).get("/broken")
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content
    assert b"canary" not in response.content


@pytest.mark.parametrize("name", ["403", "404", "429", "500", "403_csrf"])
def test_each_page_is_drawn_without_any_context(name: str) -> None:
    assert "911" in get_template(f"{name}.html").render()
