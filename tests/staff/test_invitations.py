"""Invitations: the only way to an account."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.staff import actions
from hub.staff.models import Invitation, Membership, User
from tests.factories import PASSWORD, DepartmentFactory, UserFactory
from tests.staff.test_login import logged_in

pytestmark = pytest.mark.django_db

ADDRESS = "new.nurse@example.org"


@pytest.fixture
def ada() -> User:
    return UserFactory(administrator=True, name="Ada Admin")


@pytest.fixture
def invite(
    ada: User, mailoutbox: list, django_capture_on_commit_callbacks: Callable
) -> Callable[..., str]:
    """Invites and returns the path of the mailed link."""

    def run(email: str = ADDRESS, **fields: object) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            actions.invite(ada, **{"email": email, "name": "Nadia N", "role": "agent"} | fields)
        assert mailoutbox[-1].to == [email.lower()]
        return re.search(r"http://testserver(/staff/welcome/\S+)", mailoutbox[-1].body)[1]

    return run


def token_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def accept(client: Client, path: str, password: str = PASSWORD, name: str = "Nadia New") -> object:
    client.get(path)
    form = {"name": name, "password": password, "again": password}
    return client.post("/staff/welcome/", form)


def test_the_way_in(client: Client, invite: Callable[..., str]) -> None:
    ward = DepartmentFactory()
    path = invite(role="supervisor", departments=[ward])
    page = client.get(path, follow=True)
    assert page.redirect_chain == [("/staff/welcome/", 302)]  # the token leaves the address
    assert ADDRESS in page.content.decode()
    assert accept(client, path).url == "/accounts/login/"
    user = User.objects.get(email=ADDRESS)
    assert (user.name, user.role) == ("Nadia New", "supervisor")
    assert user.check_password(PASSWORD)
    assert list(Membership.objects.values_list("user", "department")) == [(user.pk, ward.pk)]
    assert not logged_in(client)  # the log-in page asks for the password and the second factor
    client.post("/accounts/login/", {"login": ADDRESS, "password": PASSWORD})
    assert logged_in(client)
    actions_told = AuditEvent.objects.filter(object_kind="staff.Invitation").order_by("pk")
    assert [event.action for event in actions_told] == ["invited", "invitation_accepted"]


def test_the_token_is_kept_as_a_hash_only(invite: Callable[..., str]) -> None:
    token = token_of(invite())
    invitation = Invitation.objects.get()
    assert token not in str(vars(invitation))
    assert invitation.token_hash == actions.hash_token(token)
    assert len(token) >= 43  # 256 bits
    assert invitation.expires_at - invitation.invited_at == pytest.approx(
        timedelta(hours=72), abs=timedelta(seconds=5)
    )


def test_looking_at_the_link_uses_nothing_up(
    new_client: Callable[[], Client], invite: Callable[..., str]
) -> None:
    path = invite()
    for _ in range(3):
        assert new_client().get(path, follow=True).status_code == 200
    assert accept(new_client(), path).status_code == 302


def closed_invitations(ada: User, invite: Callable[..., str]) -> dict[str, str]:
    used, expired, withdrawn, replaced = (
        invite(f"{name}@example.org") for name in ("used", "expired", "withdrawn", "replaced")
    )
    actions.accept_invitation(token_of(used), name="U", password=PASSWORD)
    Invitation.objects.filter(email="expired@example.org").update(expires_at=timezone.now())
    actions.withdraw_invitation(ada, Invitation.objects.get(email="withdrawn@example.org"))
    invite("replaced@example.org")
    return {
        "used": used,
        "expired": expired,
        "withdrawn": withdrawn,
        "replaced": replaced,
        "unknown": "/staff/welcome/not-a-token/",
        "empty": "/staff/welcome/",
    }


def test_every_link_that_does_not_work_is_answered_alike(
    ada: User, invite: Callable[..., str], new_client: Callable[[], Client]
) -> None:
    accounts = None
    answers = set()
    for path in closed_invitations(ada, invite).values():
        accounts = accounts or User.objects.count()
        client = new_client()
        page = client.get(path, follow=True)
        posted = accept(client, path)
        assert (page.status_code, posted.status_code) == (404, 404)
        answers |= {page.content, posted.content}
        with pytest.raises(actions.InvitationClosed):
            actions.accept_invitation(token_of(path), name="X", password=PASSWORD)
    assert len(answers) == 1
    assert User.objects.count() == accounts


def test_a_link_makes_the_invited_account_and_no_other(
    new_client: Callable[[], Client], invite: Callable[..., str]
) -> None:
    mine, other = invite("mine@example.org"), invite("other@example.org", role="administrator")
    client = new_client()
    client.get(mine)
    client.post(
        "/staff/welcome/",
        {"name": "M", "password": PASSWORD, "again": PASSWORD, "email": "other@example.org",
         "role": "administrator", "token": token_of(other)},
    )  # fmt: skip
    user = User.objects.get(email="mine@example.org")
    assert user.role == "agent"
    assert not User.objects.filter(email="other@example.org").exists()


def test_a_weak_password_is_refused_and_the_link_still_works(
    client: Client, invite: Callable[..., str]
) -> None:
    path = invite()
    assert "12 characters" in accept(client, path, "short").content.decode()
    assert "too similar" in accept(client, path, "new.nurse@example").content.decode()
    with pytest.raises(ValidationError):
        actions.accept_invitation(token_of(path), name="N", password="short")
    assert not User.objects.filter(email=ADDRESS).exists()
    assert accept(client, path).status_code == 302


def test_two_different_passwords_are_refused(client: Client, invite: Callable[..., str]) -> None:
    client.get(invite())
    form = {"name": "N", "password": PASSWORD, "again": PASSWORD + "x"}
    assert "differ" in client.post("/staff/welcome/", form).content.decode()
    assert not User.objects.filter(email=ADDRESS).exists()


def test_nobody_with_an_account_is_invited(ada: User) -> None:
    UserFactory(email="kim@example.org")
    with pytest.raises(actions.EmailTaken):
        actions.invite(ada, email=" KIM@example.org", name="K", role="agent")


def test_who_is_logged_in_is_asked_to_log_out_first(
    client: Client, invite: Callable[..., str]
) -> None:
    client.force_login(UserFactory())
    assert accept(client, invite()).status_code == 409
    assert not User.objects.filter(email=ADDRESS).exists()


def test_the_link_stands_on_our_own_address(
    ada: User, mailoutbox: list, settings: object, django_capture_on_commit_callbacks: Callable
) -> None:
    settings.PUBLIC_URL = "https://hub.example.org"
    client = Client(headers={"Host": "localhost"})
    client.force_login(ada)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/staff/people/invite/", {"name": "N", "email": ADDRESS, "role": "agent"})
    assert "https://hub.example.org/staff/welcome/" in mailoutbox[-1].body
    assert "localhost" not in mailoutbox[-1].body
