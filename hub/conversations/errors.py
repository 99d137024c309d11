"""What can be refused, each by a name. `str(error)` is a sentence for the person at the screen."""

from django.utils.translation import gettext as _


class ConversationError(Exception):
    """Something was asked for that the rules of conversations forbid; nothing was changed."""


class HeldByAnother(ConversationError):
    """The conversation is in somebody else's hands (invariant 5)."""

    def __init__(self, holder_name: str) -> None:
        super().__init__(_("%(name)s has this conversation.") % {"name": holder_name})
        self.holder_name = holder_name


class NotTheHolder(ConversationError):
    """Only who holds it may do this."""

    def __init__(self) -> None:
        super().__init__(_("Take this conversation first."))


class AlreadyResolved(ConversationError):
    """It is resolved; it has to be reopened first."""

    def __init__(self) -> None:
        super().__init__(_("This conversation is resolved. Reopen it first."))


class OptedOut(ConversationError):
    """The address was opted out (invariant 7)."""

    def __init__(self) -> None:
        super().__init__(_("This address has opted out. Nothing can be sent to it."))


class AnswerLanded(ConversationError):
    """Somebody else answered since the writer began; they are asked before sending."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("%(name)s answered while you were writing. Send yours too?") % {"name": name}
        )


class NothingToSend(ConversationError):
    """Neither words nor a file."""

    def __init__(self) -> None:
        super().__init__(_("Write something, or attach a file."))


class TooLong(ConversationError):
    """More characters than the channel carries in one message."""

    def __init__(self, limit: int) -> None:
        super().__init__(_("At most %(limit)d characters fit into one message.") % {"limit": limit})


class ChannelClosed(ConversationError):
    """There is no open way to the patient on that channel."""

    def __init__(self) -> None:
        super().__init__(_("The patient cannot be reached on this channel now."))


class SwitchedOff(ConversationError):
    """An administrator has not switched this address of ours on, or has switched it off."""

    def __init__(self) -> None:
        super().__init__(_("This channel is switched off. Answer on another one, or call."))


class WindowClosed(ConversationError):
    """More than a day since the patient wrote there: only a template may be sent."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The patient last wrote there more than 24 hours ago. "
                "Until they write again, only a template can be sent."
            )
        )


class OneFileAlone(ConversationError):
    """WhatsApp and Messenger carry one file a message, and lose the words beside a document."""

    def __init__(self) -> None:
        super().__init__(
            _("Here one file goes at a time, and words beside it only if it is a picture.")
        )


class NoSuchTemplate(ConversationError):
    """The template is not for this channel, or an administrator has switched it off."""

    def __init__(self) -> None:
        super().__init__(_("This template cannot be sent. Load the page again."))


class TemplateNeedsPatient(ConversationError):
    """It names the patient, and nobody has said who it is."""

    def __init__(self) -> None:
        super().__init__(
            _("This template names the patient. Confirm first whom this conversation is about.")
        )


class TemplateIncomplete(ConversationError):
    """A date or a time is missing, or is none."""

    def __init__(self) -> None:
        super().__init__(_("Fill in the date and the time that the template asks for."))


class NotAllowed(ConversationError):
    """The person may not do this, by role or department."""

    def __init__(self) -> None:
        super().__init__(_("You are not allowed to do this."))


class WaitUntilLater(ConversationError):
    """A time in the past was given."""

    def __init__(self) -> None:
        super().__init__(_("Choose a time that is still to come."))


class CallRunning(ConversationError):
    """The patient is on the phone."""

    def __init__(self) -> None:
        super().__init__(_("The patient is still on the phone. Hang up first."))
