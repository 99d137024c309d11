"""The phone's sweeps, called by beat; each safe to run twice."""

from celery import shared_task

from channels_app.voice import callback_sweep, ending, reconcile


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
