"""Which agents' devices are there, which of them ring, and which holds which call."""

from __future__ import annotations

import asyncio
from typing import Any

from .leg import Heard, HungUp, Leg

#: A device that reads nothing for this many messages is cut.
QUEUE_LIMIT = 2_000


class Device:
    """One registered device: a browser tab of an agent, or a test's."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        #: What is on its way to it; None means that the connection is to be closed.
        self.outbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(QUEUE_LIMIT)
        self.gone = False

    def send(self, kind: str, **content: Any) -> None:
        """Send it a message, or cut it when it does not read."""
        if self.gone:
            return
        if self.outbox.qsize() >= QUEUE_LIMIT - 1:
            self.close()
            return
        self.outbox.put_nowait({"type": kind, **content})

    def close(self) -> None:
        """Close its connection after what was sent so far."""
        if not self.gone:
            self.gone = True
            self.outbox.put_nowait(None)


class Devices:
    """All registered devices of the account."""

    def __init__(self) -> None:
        self._of: dict[str, set[Device]] = {}
        self._ringing: dict[str, set[Device]] = {}
        self._holding: dict[str, Device] = {}
        self._legs: dict[str, Leg] = {}

    def register(self, device: Device) -> None:
        """A device is ready to be called."""
        self._of.setdefault(device.identity, set()).add(device)
        device.send("ready", identity=device.identity)

    def leave(self, device: Device) -> None:
        """A device went away: what it holds ends, what rings goes on ringing elsewhere."""
        device.gone = True
        known = self._of.get(device.identity, set())
        known.discard(device)
        if not known:
            self._of.pop(device.identity, None)
        for ringing in self._ringing.values():
            ringing.discard(device)
        for sid, holder in list(self._holding.items()):
            if holder is device:
                self._legs[sid].interrupt(HungUp())

    def close_all(self) -> None:
        """Close every connection, for a reset."""
        for devices in self._of.values():
            for device in list(devices):
                device.close()

    def ring(self, leg: Leg) -> bool:
        """Let all devices of the called identity ring; False when there is none."""
        devices = set(self._of.get(leg.identity, ()))
        if not devices:
            return False
        self._ringing[leg.sid], self._legs[leg.sid] = devices, leg
        call = {
            "sid": leg.sid,
            "from": leg.from_,
            "to": leg.to,
            "parameters": leg.custom,
        }
        for device in devices:
            device.send("incoming", call=call)
        return True

    def accept(self, device: Device, sid: str) -> None:
        """A device takes the call; the others stop ringing. Too late is told by ``cancel``."""
        ringing = self._ringing.get(sid, set())
        if device not in ringing or self._legs[sid].hanging_up:
            if self._holding.get(sid) is not device:
                device.send("cancel", sid=sid)
            return
        del self._ringing[sid]
        self._holding[sid] = device
        for other in ringing - {device}:
            other.send("cancel", sid=sid)
        self._legs[sid].decide("answered")

    def reject(self, device: Device, sid: str) -> None:
        """A device turns the call down, for all devices of its agent."""
        if device in self._ringing.get(sid, set()):
            self._ringing[sid].discard(device)
            self._legs[sid].decide("busy")

    def held(self, device: Device, sid: str) -> Leg | None:
        """The live call that this device holds, by its SID."""
        return self._legs[sid] if self._holding.get(sid) is device else None

    def answered(self, leg: Leg) -> None:
        """The call is connected: its device may open the microphone."""
        if leg.sid in self._holding:
            self._holding[leg.sid].send("accepted", sid=leg.sid)

    def over(self, leg: Leg) -> None:
        """The call ended, or nobody took it."""
        for device in self._ringing.pop(leg.sid, set()):
            device.send("cancel", sid=leg.sid)
        holder = self._holding.pop(leg.sid, None)
        if holder is not None:
            holder.send("disconnect", sid=leg.sid)
        self._legs.pop(leg.sid, None)

    def tell_heard(self, leg: Leg, line: Heard) -> None:
        """Let the device that holds this call hear something."""
        holder = self._holding.get(leg.sid)
        if holder is None:
            return
        if line.kind == "music":
            holder.send("music", sid=leg.sid, on=line.text == "on")
        elif line.kind in {"say", "heard"}:
            holder.send("heard", sid=leg.sid, who=line.who or "voice", text=line.text)

    def show(self) -> list[dict[str, Any]]:
        """Who is registered, with how many devices, and what they hold."""
        return [
            {
                "identity": identity,
                "devices": len(devices),
                "holds": sorted(sid for sid, d in self._holding.items() if d in devices),
            }
            for identity, devices in self._of.items()
        ]
