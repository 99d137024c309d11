"""When a recording is to be written down; and an index of those of which nobody told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0002_promises")]

    operations = [
        migrations.AddField(
            "recording", "transcribe_after", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            "recording", "transcription_tries", models.PositiveSmallIntegerField(default=0)
        ),
        migrations.AddField(
            "recording", "transcribed_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddIndex(
            "recording",
            models.Index(
                condition=models.Q(("transcribe_after__isnull", False)),
                fields=["transcribe_after"],
                name="recording_to_transcribe",
            ),
        ),
        migrations.AddIndex(
            "recording",
            models.Index(
                condition=models.Q(("state__in", ["absent", "complete"]), _negated=True),
                fields=["call"],
                name="recording_unreported",
            ),
        ),
    ]
