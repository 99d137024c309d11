"""What is refused here, each by a name. `str(error)` is a sentence for the person at the screen."""

from django.utils.translation import gettext as _

from hub.conversations.errors import ConversationError


class NoSuchOffer(ConversationError):
    """There is no such offer, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__(_("There is no such offer."))


class OfferOver(ConversationError):
    """The offer ended before it was answered; `outcome` says how."""

    def __init__(self, outcome: str) -> None:
        super().__init__(_("This offer is over."))
        self.outcome = outcome


class WaitOver(ConversationError):
    """The conversation does not wait any more."""

    def __init__(self) -> None:
        super().__init__(_("Nobody waits here any more."))
