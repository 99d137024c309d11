"""What every channel's adapter must answer. It speaks one protocol, and does nothing else."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from hub.conversations.models import Delivery


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The provider took the message."""

    state: str = Delivery.State.ACCEPTED
    provider_key: str = ""  # the provider's own id of it


class SendError(Exception):
    """A message was not taken. `code` is a short word or number for the timeline, no address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(SendError):
    """It will never be taken: trying again is no use."""


class TryLater(SendError):
    """It was certainly not taken now, but may be later; `after`: seconds, if the provider said."""

    def __init__(self, code: str, after: float | None = None) -> None:
        super().__init__(code)
        self.after = after


class Ambiguous(SendError):
    """Nobody knows whether it was taken; it must not be repeated blindly (invariant 2)."""


class Adapter(ABC):
    """One channel. Instances hold no state between calls and are used from many threads."""

    #: The value of Channel that this adapter serves.
    channel: ClassVar[str]

    #: Whether what nobody knows to have been taken is sent once more when the provider has it not.
    sends_again: ClassVar[bool] = True

    @abstractmethod
    def send(self, delivery: Delivery) -> HandedOver:
        """Hand `delivery.entry` over to the provider, once. Raises Refused, TryLater, Ambiguous."""

    @abstractmethod
    def find(self, delivery: Delivery) -> HandedOver | None:
        """Ask the provider whether it has `delivery`; None: it does not. Raises TryLater."""

    def ring(self, delivery: Delivery) -> HandedOver:
        """Ring the phone that `delivery` is about, once. Raises Refused, TryLater, Ambiguous."""
        raise Refused("no_calls_on_this_channel")

    def command(self, delivery: Delivery) -> None:
        """Bring the provider to what our rows say now; harmless to repeat. Raises as `fetch`."""
        raise Refused("no_commands_on_this_channel")

    def gave_up(self, delivery: Delivery, code: str) -> None:  # noqa: B027  (most need not know)
        """Take note that `delivery` will not be handed over, and why."""

    def fetch(self, delivery: Delivery) -> None:
        """Bring the file of `delivery.attachment` here. Raises Refused, TryLater."""
        raise Refused("no_files_on_this_channel")

    def delete(self, delivery: Delivery) -> None:
        """Delete the file of `delivery.attachment` at the provider. Raises Refused, TryLater."""
        raise Refused("no_files_on_this_channel")

    @abstractmethod
    def handle(self, kind: str, payload: dict[str, Any]) -> None:
        """Work on one stored event of the provider, in the inbox's transaction.

        `kind` is what the view called it ("sms.inbound" …); an exception puts it back to be tried
        again later.
        """
