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


class NotConnected(ConversationError):
    """The patient's line is not in the room: it rings, waits, or is gone."""

    def __init__(self) -> None:
        super().__init__(_("The patient is not on the line."))


class NotRecorded(ConversationError):
    """There is no recording to pause or to go on with."""

    def __init__(self) -> None:
        super().__init__(_("This call is not recorded."))


class CannotTakeCalls(ConversationError):
    """The colleague is away, or takes no calls."""

    def __init__(self, name: str) -> None:
        super().__init__(_("%(name)s cannot take calls now.") % {"name": name})


class BeingAsked(ConversationError):
    """Another colleague is asked to take the call already."""

    def __init__(self, name: str) -> None:
        super().__init__(_("%(name)s is being asked already.") % {"name": name})


class NobodyAnswered(ConversationError):
    """There is no colleague in the room who could take the call over."""

    def __init__(self) -> None:
        super().__init__(_("Your colleague is not on the line."))


class DepartmentClosed(ConversationError):
    """Nobody of the department would take the caller: it is closed, or nobody is there."""

    def __init__(self, department: str) -> None:
        super().__init__(_("Nobody of %(name)s is there now.") % {"name": department})


class NotANumber(ConversationError):
    """What was given cannot be called."""

    def __init__(self) -> None:
        super().__init__(_("This is not a phone number that can be called."))


class CallOver(ConversationError):
    """The call has ended meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("This call is over."))


class SlotGone(ConversationError):
    """The time that was chosen is over, or full, or none at which the patient may be called."""

    def __init__(self) -> None:
        super().__init__(_("That time is no longer free. Please choose another."))


class NeverOpen(ConversationError):
    """There is no hour at which the number may be rung in all the places where it may be."""

    def __init__(self) -> None:
        super().__init__(_("There is no time at which this number may be called."))


class BeingCalled(ConversationError):
    """The callback is being made right now."""

    def __init__(self) -> None:
        super().__init__(_("The patient is being called right now."))
