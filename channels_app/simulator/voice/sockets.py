"""The socket of an agent's device: ``/simulator/device?token=<access token>``.

Each message is a JSON object with a ``type``. To the device:

- ``ready`` (``identity``): registered, can be called;
- ``incoming`` (``call``: ``sid``, ``from``, ``to``, ``parameters``): a call rings;
- ``accepted`` (``sid``): connected after an ``accept``;
- ``cancel`` (``sid``): stopped ringing: taken by another device, rang out, or the caller left;
- ``disconnect`` (``sid``): a connected call ended;
- ``heard`` (``sid``, ``who``, ``text``): somebody in the room, or the provider's voice, speaks;
- ``music`` (``sid``, ``on``): music starts or stops;
- ``error`` (``code``, ``message``): a refusal; after a refused token the socket closes (4403).

From the device: ``accept``, ``reject``, ``hangup`` (each with ``sid``), ``mute`` (``sid``,
``muted``: nobody hears it, and unlike the conference's own muting no event is told), ``digits``
(``sid``, ``digits``), ``say`` (``sid``, ``text``).

A device whose socket closes ends its call, as a reload of the page does at Twilio.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from .devices import Device
from .leg import HungUp, Leg
from .tokens import EXPIRED, TokenRefused, read_identity

if TYPE_CHECKING:
    from ..simulator import Simulator

REFUSED = 4403
#: The provider was reset; come again.
RESTARTED = 1012
LONGEST_TEXT = 2_000


class DeviceSocket:
    """Serves the devices of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def serve(self, socket: WebSocket) -> None:
        """Serve one device until it goes away."""
        await socket.accept()
        try:
            token = socket.query_params.get("token", "")
            identity, expires = read_identity(token, self.simulator.settings)
        except TokenRefused as refused:
            await _refuse(socket, refused.code, str(refused))
            return
        devices = self.simulator.exchange.devices
        device = Device(identity)
        devices.register(device)
        listener = asyncio.create_task(self._listen(socket, device))
        try:
            await _write(socket, device, listener, expires)
        except (WebSocketDisconnect, RuntimeError):
            # The device went away while something was on its way to it.
            return
        finally:
            devices.leave(device)
            listener.cancel()

    async def _listen(self, socket: WebSocket, device: Device) -> None:
        try:
            while True:
                try:
                    message = await socket.receive_json()
                except ValueError:
                    message = None
                self._take(device, message)
        except (WebSocketDisconnect, KeyError):
            return

    def _take(self, device: Device, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("sid"), str):
            device.send("error", code=31000, message="A message is an object with type and sid")
            return
        devices, kind, sid = self.simulator.exchange.devices, message.get("type"), message["sid"]
        if kind == "accept":
            devices.accept(device, sid)
        elif kind == "reject":
            devices.reject(device, sid)
        elif kind in {"hangup", "mute", "digits", "say"}:
            leg = devices.held(device, sid)
            if leg is None:
                device.send("error", code=31002, message="This device holds no such call")
            else:
                _act(leg, message)
        else:
            device.send("error", code=31000, message="Unknown type of message")


def _act(leg: Leg, message: dict[str, Any]) -> None:
    kind = message["type"]
    if kind == "hangup":
        leg.interrupt(HungUp())
    elif kind == "mute":
        leg.microphone_off = message.get("muted") is True
    elif kind == "digits":
        leg.press("".join(c for c in str(message.get("digits", "")) if c in "0123456789*#"))
    else:
        leg.speak(str(message.get("text", ""))[:LONGEST_TEXT])


async def _write(
    socket: WebSocket, device: Device, listener: asyncio.Task[None], expires: float
) -> None:
    """Pass on what is for the device until it goes away, is cut, or its token expires."""
    while True:
        following = asyncio.create_task(device.outbox.get())
        left = max(0.0, expires - time.time())
        done, _ = await asyncio.wait(
            {following, listener}, timeout=left, return_when=asyncio.FIRST_COMPLETED
        )
        if following not in done:
            following.cancel()
            if not done:
                await _refuse(socket, EXPIRED, "Access token expired")
            return
        message = following.result()
        if message is None:
            await socket.close(RESTARTED)
            return
        await socket.send_json(message)


async def _refuse(socket: WebSocket, code: int, message: str) -> None:
    await socket.send_json({"type": "error", "code": code, "message": message})
    await socket.close(REFUSED)
