"""One simulated provider: its parts put together, and put back to the start by a reset."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urljoin

from .carrier import Carrier
from .chaos import Chaos
from .clock import Clock
from .events import Broadcaster
from .scenes import Stage, phone_labels
from .settings import (
    INBOUND_PATH,
    PAGE,
    VOICE_FALLBACK_PATH,
    VOICE_PATH,
    VOICE_STATUS_PATH,
    Settings,
)
from .specification import Specification, load
from .store import Number, Store
from .voice import dialling, enqueueing, verbs  # noqa: F401 - each registers its verbs
from .voice.exchange import Exchange
from .webhooks import Dispatcher

#: The phone that lies on the desk when a newcomer opens the page.
FIRST_PHONE = "+15550100142"


class Simulator:
    """The whole provider behind the REST façade, the control API and the phone page."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started = datetime.now(UTC)
        self.specification: Specification | None = load(settings.specification)
        self.events = Broadcaster()
        self._build(settings.hub_url, None)

    def _build(self, hub_url: str, seed: int | None) -> None:
        settings = self.settings
        self.clock = Clock()
        self.chaos = Chaos()
        self.chaos.reset(seed)
        self.store = Store(seed, phone_labels())
        self.dispatcher = Dispatcher(
            settings.auth_token, hub_url, self.store, self.chaos, self.clock, self.events
        )
        self.carrier = Carrier(
            settings.account_sid, self.store, self.chaos, self.clock, self.dispatcher, self.events
        )
        self.exchange = Exchange(
            settings.account_sid, self.store, self.chaos, self.clock, self.dispatcher, self.events
        )
        self.stage = Stage(self.carrier, self.exchange, self.store, self.clock, self.events)
        for owned in settings.numbers:
            self.store.numbers[owned.e164] = Number(
                sid=self.store.new_sid("PN"),
                e164=owned.e164,
                created=self.clock.now(),
                sms_url=self.at_hub(owned.sms_path),
                friendly_name=owned.e164,
            )
        self.store.pages[PAGE] = Number(
            sid=self.store.new_sid("XE"),
            e164=PAGE,
            created=self.clock.now(),
            sms_url=self.at_hub(INBOUND_PATH),
        )
        self._point_voice_at_hub()
        self.store.phone(FIRST_PHONE).on_desk = True

    def at_hub(self, path: str) -> str:
        """A path of the hub as a full URL."""
        return urljoin(self.dispatcher.hub_url + "/", path)

    def set_hub(self, base_url: str) -> None:
        """Turn the account's webhooks to another hub, such as a test's live server."""
        base_url = base_url.rstrip("/")
        self.dispatcher.hub_url = base_url
        for owned in self.settings.numbers:
            self.store.numbers[owned.e164].sms_url = self.at_hub(owned.sms_path)
        for page in self.store.pages.values():
            page.sms_url = self.at_hub(INBOUND_PATH)
        self._point_voice_at_hub()

    def _point_voice_at_hub(self) -> None:
        for number in self.store.numbers.values():
            number.voice_url = self.at_hub(VOICE_PATH)
            number.voice_fallback_url = self.at_hub(VOICE_FALLBACK_PATH)
            number.status_callback = self.at_hub(VOICE_STATUS_PATH)

    async def reset(self, seed: int | None = None) -> None:
        """Forget everything and end all that is under way; the hub's address stays."""
        hub_url = self.dispatcher.hub_url
        self.exchange.devices.close_all()
        await self.clock.cancel_all()
        await self.dispatcher.close()
        self._build(hub_url, seed)
        self.events.publish("reset")
