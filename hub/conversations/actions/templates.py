"""The only writers of the templates for WhatsApp and Messenger; for administrators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hub.audit.record import AuditAction, record
from hub.conversations.models import MessageTemplate
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import User

#: A place for a variable in a template's text.
PLACE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_SID = re.compile(r"HX[0-9a-fA-F]{32}")


class TemplateError(Exception):
    """What is refused; `str(error)` is a sentence, `field` the field of the form it is about."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class NotAContentSid(TemplateError):
    """Twilio's id of a template is HX and 32 hexadecimal digits."""

    def __init__(self) -> None:
        super().__init__("content_sid", _("This is HX and 32 digits or letters from a to f."))


class ContentSidTaken(TemplateError):
    """The hub has it already."""

    def __init__(self) -> None:
        super().__init__("content_sid", _("The hub has a template with this ContentSid already."))


class PlacesDiffer(TemplateError):
    """The places in the text must be {{1}}, {{2}} … and there is a kind for each."""

    def __init__(self) -> None:
        super().__init__(
            "preview",
            _("The text must have the places {{1}}, {{2}} … one for each kind of variable."),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A template as an administrator wants it."""

    name: str
    channel: str
    language: str
    content_sid: str
    preview: str
    variables: Sequence[str] = ()


@transaction.atomic
def add_template(wanted: Wanted, *, by: User) -> MessageTemplate:
    """Return a new template, not switched on. Raises TemplateError, NotAnAdministrator."""
    _check(wanted, by)
    template = _written(MessageTemplate(), wanted)
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[template], detail={"added": True})
    return template


@transaction.atomic
def change_template(template: MessageTemplate, wanted: Wanted, *, by: User) -> None:
    """Change a template; what was sent stays as it was. Raises as `add_template`."""
    _check(wanted, by)
    _written(template, wanted)
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[template], detail={"changed": True})


@transaction.atomic
def switch_template(template: MessageTemplate, *, on: bool, by: User) -> None:
    """Offer a template to those who answer, or no longer. Raises NotAnAdministrator."""
    if not by.is_administrator:
        raise NotAnAdministrator
    if MessageTemplate.objects.filter(pk=template.pk).exclude(is_on=on).update(is_on=on):
        record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[template], detail={"is_on": on})
    template.is_on = on


def _check(wanted: Wanted, by: User) -> None:
    if not by.is_administrator:
        raise NotAnAdministrator
    if not _SID.fullmatch(wanted.content_sid):
        raise NotAContentSid
    numbered = {str(number) for number in range(1, len(wanted.variables) + 1)}
    if set(PLACE.findall(wanted.preview)) != numbered:
        raise PlacesDiffer


def _written(template: MessageTemplate, wanted: Wanted) -> MessageTemplate:
    template.name = wanted.name
    template.channel = wanted.channel
    template.language = wanted.language
    template.content_sid = wanted.content_sid
    template.preview = wanted.preview
    template.variables = list(wanted.variables)
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        if "one_template_a_content_sid" not in str(error):
            raise
        raise ContentSidTaken from None
    return template
