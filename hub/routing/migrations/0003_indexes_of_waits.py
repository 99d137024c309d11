"""Two more indexes of the waits, made while the hub goes on writing them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("routing", "0002_offers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="queueentry",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["channel", "department"],
                name="queue_channel",
            ),
        ),
        AddIndexConcurrently(
            model_name="queueentry",
            index=models.Index(
                models.F("department"),
                models.F("channel"),
                models.OrderBy(models.F("ended_at"), descending=True),
                condition=models.Q(("outcome", "accepted")),
                name="queue_answered",
            ),
        ),
    ]
