"""The tables of the phone."""

from channels_app.voice.models.answer import Answer
from channels_app.voice.models.call import Call, Party, WrapUp
from channels_app.voice.models.callback import Callback
from channels_app.voice.models.line import MenuItem, PhoneLine, RecordingRule
from channels_app.voice.models.recording import Recording

__all__ = [
    "Answer",
    "Call",
    "Callback",
    "MenuItem",
    "Party",
    "PhoneLine",
    "Recording",
    "RecordingRule",
    "WrapUp",
]
