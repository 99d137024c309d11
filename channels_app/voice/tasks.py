"""The phone's sweeps, called by beat; each safe to run twice."""

from celery import shared_task

from channels_app.voice import (
    callback_sweep,
    ending,
    queues,
    reconcile,
    recorded,
    retention,
    transcribing,
)


@shared_task
def sweep_calls() -> None:
    """Ask the provider about calls that fell silent, and queue those again whose agent was lost."""
    reconcile.return_to_queue()
    reconcile.ask_about_silent_calls()


@shared_task
def end_wrap_ups() -> None:
    """Free those whose time for notes is over."""
    ending.finish_due_wrap_ups()


@shared_task
def sweep_callbacks() -> None:
    """Let promises wait again that were forgotten."""
    callback_sweep.mend()


@shared_task
def forget_answers() -> None:
    """Delete documents of calls that are long over."""
    reconcile.forget_answers()


@shared_task
def make_queues() -> None:
    """Make the departments' queues at the provider, where there are none."""
    queues.make_queues()


@shared_task
def sweep_recordings() -> None:
    """Ask about recordings of which nobody told, and order anew what was given up."""
    recorded.ask_about_unreported()
    recorded.order_again()


@shared_task
def delete_old_sound() -> None:
    """Delete the sound whose time is over."""
    retention.delete_old_sound()


@shared_task
def sweep_transcription() -> None:
    """Have written down what waits for it."""
    for recording_id in transcribing.due():
        transcribe.delay(recording_id)


@shared_task(acks_late=False, time_limit=30 * 60)
def transcribe(recording_id: int) -> None:
    """Write one recording down. It takes long: the sweep repeats it, not the broker."""
    transcribing.transcribe(recording_id)
