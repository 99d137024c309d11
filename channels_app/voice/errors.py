"""What is refused on the phone, each by a name. `str(error)` is a sentence for the person there."""

from django.utils.translation import gettext as _

from hub.conversations.errors import ConversationError


class NoLine(ConversationError):
    """We have no number to call from."""

    def __init__(self) -> None:
        super().__init__(_("No phone line is set up."))


class NobodyToCall(ConversationError):
    """The address cannot be called."""

    def __init__(self) -> None:
        super().__init__(_("This address cannot be called."))


class OnThePhone(ConversationError):
    """The person is on the phone, or their phone rings."""

    def __init__(self, name: str = "") -> None:
        super().__init__(
            _("%(name)s is on the phone.") % {"name": name} if name else _("You are on the phone.")
        )


class NotOnThisCall(ConversationError):
    """The person is not in the call that they want to steer."""

    def __init__(self) -> None:
        super().__init__(_("You are not on this call."))


class CallOver(ConversationError):
    """The call has ended meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("This call is over."))
