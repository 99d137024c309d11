"""The chat's open sockets of this process, and what makes them look for news.

Events carry ids only. A socket that is nudged reads what is new of its own session and sends it, so
it can neither miss nor see anything beyond; the event is a hint, the place in the list the truth.
"""

from collections import defaultdict
from typing import Protocol

from hub.realtime.events import ChatSessionChanged, ConversationChanged, Event, SomeoneTyping
from hub.realtime.subscription import subscription


class LiveSocket(Protocol):
    """What is asked of a socket here."""

    session_id: int
    conversation_id: int | None

    def nudge(self) -> None:
        """Look for news soon; returns at once."""

    def show_typing(self) -> None:
        """Show that a person is writing; returns at once."""


class LiveSockets:
    """Finds sockets by session and by the conversation that they run in now."""

    def __init__(self) -> None:
        self._by_session: dict[int, set[LiveSocket]] = defaultdict(set)
        self._by_conversation: dict[int, set[LiveSocket]] = defaultdict(set)

    def add(self, socket: LiveSocket) -> None:
        """Take in a socket that has shown its token."""
        self._by_session[socket.session_id].add(socket)

    def count(self, session_id: int) -> int:
        """Return how many sockets of a session are open here."""
        return len(self._by_session.get(session_id, ()))

    def remove(self, socket: LiveSocket) -> None:
        """Forget a socket that closed."""
        _discard(self._by_session, socket.session_id, socket)
        if socket.conversation_id is not None:
            _discard(self._by_conversation, socket.conversation_id, socket)

    def move(self, socket: LiveSocket, conversation_id: int | None) -> None:
        """Follow the session into another conversation, or out of one."""
        if conversation_id == socket.conversation_id:
            return
        if socket.conversation_id is not None:
            _discard(self._by_conversation, socket.conversation_id, socket)
        socket.conversation_id = conversation_id
        if conversation_id is not None:
            self._by_conversation[conversation_id].add(socket)

    async def on_event(self, event: Event) -> None:
        """Nudge whom `event` concerns; never waits, since all rooms hear on one subscription."""
        match event:
            case ConversationChanged(conversation_id=pk):
                for socket in tuple(self._by_conversation.get(pk, ())):
                    socket.nudge()
            case ChatSessionChanged(session_id=pk):
                for socket in tuple(self._by_session.get(pk, ())):
                    socket.nudge()
            case SomeoneTyping(conversation_id=pk, user_id=user_id) if user_id is not None:
                for socket in tuple(self._by_conversation.get(pk, ())):
                    socket.show_typing()

    async def catch_up(self) -> None:
        """Events may have been missed: everybody looks."""
        for sockets in tuple(self._by_session.values()):
            for socket in tuple(sockets):
                socket.nudge()

    def listen(self) -> None:
        """Hear the process's subscription; called by each socket, registers once."""
        subscription.listen(self.on_event, self.catch_up)
        subscription.ensure_running()


def _discard(index: dict[int, set[LiveSocket]], key: int, socket: LiveSocket) -> None:
    sockets = index.get(key)
    if sockets is not None:
        sockets.discard(socket)
        if not sockets:
            del index[key]


live = LiveSockets()
"""The sockets of this process."""
