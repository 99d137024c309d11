"""The conversations' sweep, called by beat."""

from celery import shared_task
from django.utils import timezone

from hub.conversations.actions.status import wake
from hub.conversations.models import Conversation


@shared_task
def wake_snoozed() -> None:
    """Wake what was snoozed until now."""
    due = Conversation.objects.filter(
        status=Conversation.Status.SNOOZED, snoozed_until__lte=timezone.now()
    ).order_by("snoozed_until", "id")
    for pk in due.values_list("pk", flat=True)[:500]:
        wake(pk)
