"""How a department's answers go out where others may read along."""

from typing import ClassVar

from django.db import models


class ChannelPrivacy(models.Model):
    """What an administrator set for one channel; without a row privacy.DEFAULTS holds."""

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="channel_privacy"
    )
    channel = models.CharField(max_length=16)
    # Only a notice with a link goes out; the words are on the page behind it.
    secure = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["department", "channel"], name="one_privacy_for_a_channel"
            ),
        ]
