"""The socket of the phone page: everything that happens in the virtual network, live."""

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
