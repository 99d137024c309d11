"""The web process: Django's pages, the console's and the chat's websockets."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

from django.core.asgi import get_asgi_application  # noqa: E402

django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from channels_app.chat.consumer import ChatConsumer  # noqa: E402
from hub.audit.middleware import OriginScopeMiddleware  # noqa: E402
from hub.console.consumer import ConsoleConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": OriginScopeMiddleware(
            URLRouter(
                [
                    path("console/socket", AuthMiddlewareStack(ConsoleConsumer.as_asgi())),
                    path("chat/socket", ChatConsumer.as_asgi()),
                ]
            )
        ),
    }
)
