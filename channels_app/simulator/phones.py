"""The socket of the phone page: everything that happens in the virtual network, live.

Each message is a JSON object with a ``kind``; what a page wants it posts to the control API
(:mod:`control`, and for calls :mod:`voice.control`).

- ``hello``: connected; fetch the state now;
- ``message`` (``message``), ``phone`` (``phone``), ``scene``, ``knobs``, ``webhook``, ``reset``;
- ``call`` (``call``): a leg was made or changed. ``sid``; ``phone``, its far end: a number or
  ``client:`` and an identity; ``state``: ``calling`` (it dialled), ``ringing`` (it is called),
  ``connected``, ``queued`` or ``ended``; ``phase``: the same, and of a connected call what goes
  on in it (:func:`voice.views.phase_of`); ``bridged``: somebody is at the other end; ``music``;
  ``status``, ``direction``, ``from``, ``to``, ``parent``, ``answered_by``, ``seconds``, ``at``;
  ``revision``, which grows with each change;
- ``heard`` (``sid``, ``phone``, ``line``): the far end of that leg hears or does something.
  ``line`` has ``number`` (1, 2, 3… within the leg), ``at``, ``kind`` (``say``: the provider's
  voice, ``play``: a sound, ``music``: ``on`` or ``off``, ``beep``, ``heard``: somebody in the
  room; ``pressed`` and ``said``: what the far end itself did), ``text``, and ``who`` speaks;
- ``line`` (``phone``, ``line``): a phone was told what to do when it is called.

``GET /simulator/phones/{e164}/call`` gives the same call with all its lines, after a reload.
"""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from .simulator import Simulator

#: Tells the page to fetch the state anew and connect again.
TRY_AGAIN = 1013


class PhoneSocket:
    """Pushes events to one page until it goes away; what the page wants it posts."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def serve(self, socket: WebSocket) -> None:
        """Serve one page."""
        queue = self.simulator.events.subscribe()
        await socket.accept()
        listener = asyncio.create_task(_until_gone(socket))
        try:
            await socket.send_json({"kind": "hello"})
            while True:
                next_event = asyncio.create_task(queue.get())
                await asyncio.wait({next_event, listener}, return_when=asyncio.FIRST_COMPLETED)
                if listener.done():
                    next_event.cancel()
                    return
                event = next_event.result()
                if event is None:
                    await socket.close(TRY_AGAIN)
                    return
                await socket.send_json(event)
        except WebSocketDisconnect:
            return
        finally:
            listener.cancel()
            self.simulator.events.unsubscribe(queue)


async def _until_gone(socket: WebSocket) -> None:
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
