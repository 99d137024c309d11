"""The web process: Django's pages, the console's and the chat's websockets."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

import django

django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from channels_app.chat.consumer import ChatConsumer
from hub.audit.middleware import OriginScopeMiddleware
from hub.console.consumer import ConsoleConsumer
from hub.threaded_handler import ThreadedHandler

application = ProtocolTypeRouter(
    {
        "http": ThreadedHandler(),
        "websocket": OriginScopeMiddleware(
            URLRouter(
                [
                    path("console/socket", ConsoleConsumer.as_asgi()),  # type: ignore[arg-type]
                    path("chat/socket", ChatConsumer.as_asgi()),
                ]
            )
        ),
    }
)
