"""Canned replies are set at the command line."""

import pytest
from django.core.management import CommandError, call_command

from hub.console.models import CannedReply
from tests.factories import DepartmentFactory

pytestmark = pytest.mark.django_db


def test_a_reply_is_set_changed_and_taken_away() -> None:
    department = DepartmentFactory(name="Front desk")
    call_command("set_canned_reply", "hours", "Open until 6.")
    call_command("set_canned_reply", "hours", "Until 7.", "--department=front-desk")
    call_command("set_canned_reply", "hours", "Open until 5.", "--title=Hours")
    replies = set(CannedReply.objects.values_list("title", "body", "department"))
    assert replies == {("Hours", "Open until 5.", None), ("hours", "Until 7.", department.pk)}
    call_command("set_canned_reply", "hours", "")
    assert CannedReply.objects.get().department == department


def test_a_shortcut_is_one_word() -> None:
    with pytest.raises(CommandError):
        call_command("set_canned_reply", "two words", "Hello")
    assert not CannedReply.objects.exists()
