"""Which adapter serves which channel."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from channels_app.adapter import Adapter


class NoAdapter(LookupError):
    """No adapter serves this channel."""


@cache
def _adapters() -> dict[str, Adapter]:
    adapters = [import_string(path)() for path in settings.CHANNEL_ADAPTERS]
    return {adapter.channel: adapter for adapter in adapters}


def adapter_of(channel: str) -> Adapter:
    """Return the adapter of `channel`. Raises NoAdapter."""
    try:
        return _adapters()[channel]
    except KeyError as error:
        raise NoAdapter(channel) from error


def all_adapters() -> list[Adapter]:
    """Return every adapter."""
    return list(_adapters().values())
