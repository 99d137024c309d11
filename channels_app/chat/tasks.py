"""Periodic work of the chat."""

from celery import shared_task

from channels_app.chat import sessions


@shared_task
def end_expired_sessions() -> int:
    """End chats whose visitor stayed away too long; returns how many."""
    return sessions.end_expired()
