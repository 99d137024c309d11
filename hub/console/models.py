"""Canned replies: what is said often, ready to be said again."""

from typing import ClassVar

from django.db import models


class CannedReply(models.Model):
    """A reply behind "/shortcut"; with no department it is everybody's."""

    shortcut = models.SlugField(max_length=40)
    title = models.CharField(max_length=80)
    body = models.TextField()
    language = models.CharField(max_length=8, default="en")
    department = models.ForeignKey(
        "staff.Department", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        ordering = ("shortcut", "language")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shortcut", "language", "department"],
                name="one_canned_reply",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"/{self.shortcut}"
