"""What the chat refuses, each by a name. The code is for the app, the sentence for the visitor."""

from typing import ClassVar

from django.utils.translation import gettext as _


class ChatRefused(Exception):
    """Something was asked for that cannot be done; nothing was changed."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def sentence(self) -> str:
        """Return what the visitor is told, in the language of now."""
        return _("This did not work. Please try again.")


class Malformed(ChatRefused):
    """Not what the app sends."""

    code = "malformed"


class NothingToSay(ChatRefused):
    """Neither words nor a file."""

    code = "nothing"

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("Write something, or attach a file.")


class TooLong(ChatRefused):
    """More characters than one message carries."""

    code = "too_long"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("At most %(limit)d characters fit into one message.") % {"limit": self.limit}


class BadFile(ChatRefused):
    """A file may not pass."""

    code = "file"

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self._sentence = sentence

    def sentence(self) -> str:
        """See ChatRefused."""
        return self._sentence


class TooManyFiles(ChatRefused):
    """More files than one message carries."""

    code = "too_many_files"

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("Send at most ten files at once.")


class FilesTooLarge(ChatRefused):
    """More than one message may carry."""

    code = "files_too_large"
    status = 413

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("Files may have at most 10 MB together.")


class TooOften(ChatRefused):
    """More than a person would do in that time."""

    code = "too_often"
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds  # after which it may be tried again

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("That was a lot at once. Please wait a moment and try again.")


class SessionOver(ChatRefused):
    """The token opens nothing: unknown, expired, ended, or of another site."""

    code = "over"
    status = 401

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("This chat is over. You can begin a new one.")


class SessionMoved(SessionOver):
    """A newer link was opened since: the chat goes on there."""

    code = "moved"

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("This chat goes on in another window, by a newer link.")


class ForeignOrigin(ChatRefused):
    """The request does not come from a page of ours."""

    code = "origin"
    status = 403


class NoSuchSite(ChatRefused):
    """No site has that key."""

    code = "no_site"
    status = 404


class NoSuchLine(ChatRefused):
    """The file does not exist, or is not the visitor's to see."""

    code = "no_file"
    status = 404


class NothingAsked(ChatRefused):
    """A call is asked for about nothing: nothing was written yet, or the chat is closed."""

    code = "nothing_asked"
    status = 409

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("Write to us first what it is about.")


class BadNumber(ChatRefused):
    """What was typed is no phone number."""

    code = "bad_number"

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("Please check the number: area code first, ten digits.")


class CannotCall(ChatRefused):
    """The number cannot be called, or not then."""

    code = "cannot_call"
    status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self._sentence = sentence

    def sentence(self) -> str:
        """See ChatRefused."""
        return self._sentence


class LinkUnknown(ChatRefused):
    """No link has that token."""

    code = "link_unknown"
    status = 404

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("We do not know this link. Please open the link from our text again.")


class LinkUsed(ChatRefused):
    """The link was opened before, elsewhere."""

    code = "link_used"
    status = 410

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("This link was opened before on another phone or computer.")


class LinkExpired(ChatRefused):
    """The link's time is over."""

    code = "link_expired"
    status = 410

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("This link has expired.")


class NoNewLink(ChatRefused):
    """No further link is sent now: one was today, or that address gets no texts."""

    code = "no_new_link"
    status = 409

    def sentence(self) -> str:
        """See ChatRefused."""
        return _("We cannot send another link now. Please text or call us.")
