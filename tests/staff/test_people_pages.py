"""The administrators' pages, and who gets which page of this room."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse

from hub.audit.models import AuditEvent
from hub.staff import actions, presence
from hub.staff.models import Invitation, User
from hub.staff.urls import urlpatterns
from tests.factories import DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db

EVERYBODY = {"welcome", "welcome_link", "session"}
OWN = {"me", "activity", "lock", "unlock", "unlock_by_passkey"}
NAMES = sorted(str(pattern.name) for pattern in urlpatterns)


def address(name: str) -> str:
    pattern: URLPattern = next(each for each in urlpatterns if each.name == name)
    wanted = pattern.pattern.converters
    values = {"uuid": uuid4(), "token": "a-token"}
    return reverse(f"staff:{name}", kwargs={key: values[key] for key in wanted})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_by_role(name: str, method: str) -> None:
    """A new page is refused to agents unless it is listed above."""
    answers = {}
    for role in ("nobody", "agent", "supervisor", "administrator"):
        client = Client()
        if role != "nobody":
            client.force_login(UserFactory(role=role))
        answers[role] = getattr(client, method)(address(name))
    refused = {405, 403} if name not in EVERYBODY | OWN else {405}
    if name in EVERYBODY:
        assert "login" not in answers["nobody"].headers.get("Location", "")
    elif answers["nobody"].status_code != 405:
        assert answers["nobody"].headers["Location"].startswith("/accounts/login/")
    for role in ("agent", "supervisor"):
        if name not in EVERYBODY | OWN:
            assert answers[role].status_code in refused
    assert answers["administrator"].status_code != 403 or name.startswith("unlock")


@pytest.fixture
def ada(client: Client) -> User:
    user = UserFactory(administrator=True, name="Ada Admin")
    client.force_login(user)
    return user


def test_a_refusal_is_audited(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    assert client.get("/staff/people/").status_code == 403
    event = AuditEvent.objects.get(action="denied")
    assert (event.actor_id, event.detail) == (user.pk, {"view": "staff:people"})


def test_the_list_says_what_an_administrator_needs(client: Client, ada: User) -> None:
    ward = DepartmentFactory(name="Cardiology")
    kim = UserFactory(name="Kim Agent", departments=[ward])
    presence.open_tab(kim, "x")
    UserFactory(name="Gone Person", is_active=False)
    actions.invite(ada, email="n@example.org", name="Nadia Invited", role="agent")
    page = client.get("/staff/people/").content.decode()
    for text in ("Kim Agent", "Cardiology", "Available", "Switched off", "Nadia Invited", "Never"):
        assert text in page
    found = client.get("/staff/people/?q=kim ag").content.decode()
    assert "Kim Agent" in found
    assert "Gone Person" not in found
    assert "Nobody matches" in client.get("/staff/people/?q=zzzz").content.decode()


def test_the_list_costs_the_same_for_many(client: Client, ada: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/staff/people/")
        return len(captured)

    ward = DepartmentFactory()
    UserFactory(departments=[ward])
    actions.invite(ada, email="n0@example.org", name="N", role="agent", departments=[ward])
    few = queries()
    for number in range(1, 6):
        UserFactory(departments=[ward])
        actions.invite(
            ada, email=f"n{number}@example.org", name="N", role="agent", departments=[ward]
        )
    assert queries() == few


def test_invite_and_withdraw(client: Client, ada: User) -> None:
    ward = DepartmentFactory()
    form = {"name": "N", "email": "N@Example.org", "role": "agent", "departments": [ward.pk]}
    assert client.post("/staff/people/invite/", form).url == "/staff/people/"
    invitation = Invitation.objects.get()
    assert (invitation.email, list(invitation.departments.all())) == ("n@example.org", [ward])
    client.post(f"/staff/people/invitations/{invitation.uuid}/withdraw/")
    invitation.refresh_from_db()
    assert invitation.withdrawn_at
    again = client.post(f"/staff/people/invitations/{invitation.uuid}/withdraw/", follow=True)
    assert "was used or withdrawn" in again.content.decode()


def test_inviting_somebody_known_is_refused_beside_the_field(client: Client, ada: User) -> None:
    form = {"name": "A", "email": ada.email, "role": "agent"}
    page = client.post("/staff/people/invite/", form)
    assert "has an account already" in page.content.decode()
    assert not Invitation.objects.exists()


def test_a_person_is_changed_by_the_form(client: Client, ada: User) -> None:
    kim, ward = UserFactory(), DepartmentFactory()
    path = f"/staff/people/{kim.uuid}/"
    assert client.post(path, {"role": "supervisor", "departments": [ward.pk]}).status_code == 302
    kim.refresh_from_db()
    assert (kim.role, list(kim.departments.all())) == ("supervisor", [ward])
    extra = {"role": "agent", "is_active": "", "email": "x@example.org", "name": "X"}
    client.post(path, extra)  # fields that the form does not have change nothing
    kim.refresh_from_db()
    assert (kim.role, kim.is_active, kim.email) == ("agent", True, kim.email)
    assert kim.name != "X"


def test_refusals_are_told(client: Client, ada: User) -> None:
    page = client.post(f"/staff/people/{ada.uuid}/", {"role": "agent"})
    assert "only administrator" in page.content.decode()
    page = client.post(f"/staff/people/{ada.uuid}/switch-off/", follow=True)
    assert "another administrator" in page.content.decode()
    ada.refresh_from_db()
    assert ada.is_administrator
    assert ada.is_active


@pytest.mark.parametrize(
    ("deed", "check"),
    [
        ("switch-off", lambda user: not user.is_active),
        ("end-sessions", lambda user: not user.sessions.exists()),
        ("reset-second-factor", lambda user: not user.authenticator_set.exists()),
    ],
)
def test_deeds(client: Client, ada: User, deed: str, check: Callable[[User], bool]) -> None:
    kim = UserFactory()
    Client().force_login(kim)
    TOTP.activate(kim, "JBSWY3DPEHPK3PXP")
    assert client.get(f"/staff/people/{kim.uuid}/{deed}/").status_code == 405
    assert not check(kim)
    client.post(f"/staff/people/{kim.uuid}/{deed}/")
    kim.refresh_from_db()
    assert check(kim)


def test_everybody_sets_their_own_name_language_and_look(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    form = {"name": "Kim New", "language": "es", "theme": "dark", "role": "administrator"}
    client.post("/staff/me/", form)
    user.refresh_from_db()
    assert (user.name, user.language, user.role) == ("Kim New", "es", "agent")
    page = client.get("/staff/me/").content.decode()
    assert 'lang="es"' in page
    assert 'data-theme="dark"' in page
    client.cookies["theme"] = '"><script>'
    assert "<script>" not in client.get("/staff/me/").content.decode().partition("<head>")[0]


def test_names_cannot_carry_markup(client: Client, ada: User) -> None:
    UserFactory(name='<img src=x onerror="alert(1)">')
    assert "<img src=x" not in client.get("/staff/people/").content.decode()
