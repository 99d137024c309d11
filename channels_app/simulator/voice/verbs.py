"""The verbs of one leg alone: speak, listen, record, go elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

from . import recordings
from .engine import LeftQueue, Stage, performs, source_of
from .leg import HungUp, Interrupted, Leg, Source
from .media import NoSound
from .progress import answer
from .recordings import Recording
from .twiml_voice import Place, Verb

#: How long speech lasts: a start, so much a character, and no longer than this (seconds).
SPEECH_START, SPEECH_CHARACTER, SPEECH_LONGEST = 0.3, 0.02, 30.0
#: Twilio hears a spoken word like this.
CONFIDENCE = "0.92"
#: How long the beep before a recording lasts.
BEEP = 0.5


def speech_seconds(stage: Stage, text: str) -> float:
    """How long it takes to say ``text``, by the knob ``speech_factor``."""
    seconds = min(SPEECH_START + SPEECH_CHARACTER * len(text), SPEECH_LONGEST)
    return seconds * stage.exchange.chaos.knobs.speech_factor


def pick_up(stage: Stage) -> None:
    """Answer an incoming call that the first verb with something to do finds ringing."""
    if stage.place is Place.MAIN:
        answer(stage.exchange, stage.leg)


@performs("Say")
async def say(stage: Stage, verb: Verb) -> Source | None:
    """Say a text, ``loop`` times; 0 is without end."""
    pick_up(stage)
    seconds = speech_seconds(stage, verb.text)
    await _repeat(stage, verb, lambda: stage.leg.hear("say", verb.text, who="voice"), seconds)
    return None


@performs("Play")
async def play(stage: Stage, verb: Verb) -> Source | None:
    """Play a sound of the hub; one without end, or any while somebody waits, is music."""
    pick_up(stage)
    leg = stage.leg
    if verb.get("digits"):
        leg.hear("play", f"digits {verb.get('digits')}")
        return None
    address = urljoin(verb.url, verb.text)
    length = await _length(stage, address)
    if length is None:
        return None
    waiting = stage.place in {Place.QUEUE_WAIT, Place.HOLD}
    knobs = stage.exchange.chaos.knobs
    seconds = length * (knobs.music_factor if waiting else knobs.speech_factor)
    endless = verb.get("loop") == "0"
    if not waiting and not endless:
        await _repeat(stage, verb, lambda: leg.hear("play", verb.text), seconds)
        return None
    leg.set_music(True)
    try:
        await leg.wait(None if endless else seconds * verb.number("loop", 1, 1))
    finally:
        leg.set_music(False)
    return None


async def _length(stage: Stage, url: str) -> float | None:
    """How long the sound at ``url`` lasts; None with a warning when there is none."""
    sounds, leg = stage.exchange.sounds, stage.leg
    if (known := sounds.known(url)) is not None:
        return known
    found: list[float | NoSound] = []

    async def fetch() -> None:
        try:
            found.append(await sounds.fetch(url))
        except NoSound as missing:
            found.append(missing)
        leg.bell.ring()

    stage.exchange.clock.spawn(fetch())
    await leg.wait(until=lambda: bool(found))
    if isinstance(found[0], NoSound):
        stage.exchange.warn(leg, url, f"error 11200: {found[0]}")
        return None
    return found[0]


@performs("Pause")
async def pause(stage: Stage, verb: Verb) -> Source | None:
    """Be silent; as the first verb of an incoming call, before it is answered."""
    await stage.leg.wait(verb.number("length", 1))
    return None


@performs("Gather")
async def gather(stage: Stage, verb: Verb) -> Source | None:
    """Collect keys or words, while saying what is nested; go to ``action`` with them."""
    pick_up(stage)
    leg, wanted = stage.leg, verb.words("input", "dtmf")
    leg.keys.clear()
    leg.speech.clear()
    leg.collecting = "dtmf" in wanted
    finish, speech = verb.get("finishOnKey", "#"), "speech" in wanted

    def something() -> bool:
        return bool(_pressed(leg, finish)) or (speech and bool(leg.speech))

    try:
        await leg.run_until(something, _prompts(stage, verb))
        timeout = verb.number("timeout", 5, 1)
        if await leg.wait(timeout, until=something) and _pressed(leg, finish):
            most = int(verb.number("numDigits", 0))
            await _collect(leg, finish, most, timeout)
            return _gathered(verb, _read_keys(_pressed(leg, finish), finish, most))
        if speech and leg.speech:
            words = " ".join(leg.speech)
            return _gathered(verb, [("SpeechResult", words), ("Confidence", CONFIDENCE)])
    finally:
        leg.collecting = False
        leg.keys.clear()
        leg.speech.clear()
    return _gathered(verb, [("Digits", "")]) if verb.true("actionOnEmptyResult") else None


async def _prompts(stage: Stage, verb: Verb) -> None:
    performers = {"Say": say, "Play": play, "Pause": pause}
    for inner in verb.inner:
        await performers[inner.name](stage, inner)


def _pressed(leg: Leg, finish: str) -> list[str]:
    """The keys so far; one that finishes counts only behind another."""
    first = next((i for i, key in enumerate(leg.keys) if key not in finish), len(leg.keys))
    return leg.keys[first:]


async def _collect(leg: Leg, finish: str, most: int, pause_limit: float) -> None:
    """Wait for the rest of the keys: to the number, the finishing key, or a pause."""

    def enough() -> bool:
        keys = _pressed(leg, finish)
        return bool(most and len(keys) >= most) or any(key in finish for key in keys)

    def more_than(count: int) -> Callable[[], bool]:
        return lambda: len(leg.keys) > count

    while not enough():
        if not await leg.wait(pause_limit, until=more_than(len(leg.keys))):
            return


def _read_keys(keys: list[str], finish: str, most: int) -> list[tuple[str, str]]:
    digits, finished = "", ""
    for key in keys[:most] if most else keys:
        if key in finish:
            finished = key
            break
        digits += key
    return [("Digits", digits), ("FinishedOnKey", finished)]


def _gathered(verb: Verb, fields: list[tuple[str, str]]) -> Source:
    source = source_of(verb, verb.get("action"), "gathered input", fields)
    return Source(source.url, source.method, source.fields, label=source.label, prompt=True)


@performs("Record")
async def record(stage: Stage, verb: Verb) -> Source | None:
    """Take down what is said after the beep, to a key, a silence or the longest time."""
    pick_up(stage)
    leg, exchange = stage.leg, stage.exchange
    if verb.true("playBeep", default=True):
        leg.hear("beep")
        await leg.wait(BEEP * exchange.chaos.knobs.speech_factor)
    recording = recordings.start(exchange, _recording(stage, verb))
    finish = verb.get("finishOnKey", "1234567890*#")
    leg.spoke_at, leg.collecting = None, True
    leg.keys.clear()
    exchange.show(leg)
    try:
        digits = await _until_finished(stage, verb, finish)
    except Interrupted as reason:
        _finish_message(stage, recording)
        if isinstance(reason, HungUp) and not recording.silent:
            exchange.ask_in_passing(leg, _recorded(stage, verb, recording, "hangup"))
        raise
    _finish_message(stage, recording)
    return None if recording.silent else _recorded(stage, verb, recording, digits)


def _finish_message(stage: Stage, recording: Recording) -> None:
    leg = stage.leg
    leg.collecting = False
    leg.speech.clear()
    recording.silent = leg.spoke_at is None
    recordings.stop(stage.exchange, recording)
    stage.exchange.show(leg)
    if not recording.silent:
        # Words are said in no time here; what was said lasts a second at least.
        recording.kept = max(recording.kept, 1.0)


async def _until_finished(stage: Stage, verb: Verb, finish: str) -> str:
    """Wait for the end of a message; returns the key that ended it."""
    leg, clock = stage.leg, stage.exchange.clock
    silence, longest = verb.number("timeout", 5, 1), verb.number("maxLength", 3600, 1)
    started = clock.now()

    def key() -> bool:
        return any(pressed in finish for pressed in leg.keys)

    while True:
        left = longest - (clock.now() - started).total_seconds()
        said = leg.spoke_at
        if left <= 1e-6:
            return ""
        news = _news(stage, said, key)
        if not await leg.wait(min(silence, left), until=news) and silence <= left:
            return ""
        if key():
            return next(pressed for pressed in leg.keys if pressed in finish)


def _news(stage: Stage, said: object, key: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: key() or stage.leg.spoke_at != said


def _recording(stage: Stage, verb: Verb) -> Recording:
    now = stage.exchange.clock.now()
    return Recording(
        sid=stage.exchange.store.new_sid("RE"),
        source="RecordVerb",
        created=now,
        updated=now,
        leg=stage.leg,
        callback=verb.address("recordingStatusCallback"),
        callback_method=verb.get("recordingStatusCallbackMethod", "POST"),
        callback_events=verb.words("recordingStatusCallbackEvent", "completed"),
    )


def _recorded(stage: Stage, verb: Verb, recording: Recording, digits: str) -> Source:
    fields = [
        ("RecordingSid", recording.sid),
        ("RecordingUrl", recordings.url_of(stage.exchange, recording)),
        ("RecordingDuration", str(recording.seconds)),
        ("Digits", digits),
    ]
    return source_of(verb, verb.get("action"), "recorded message", fields)


@performs("Redirect")
async def redirect(stage: Stage, verb: Verb) -> Source | None:
    """Go on with another document."""
    return source_of(verb, verb.text, "redirect")


@performs("Hangup")
async def hang_up(stage: Stage, verb: Verb) -> Source | None:
    """End the call; an incoming one is answered first, as with Twilio."""
    pick_up(stage)
    raise HungUp


@performs("Reject")
async def reject(stage: Stage, verb: Verb) -> Source | None:
    """Turn an incoming call down without answering it; too late, it is a hang-up."""
    if stage.leg.live:
        raise HungUp
    raise HungUp("busy" if verb.get("reason") == "busy" else "no-answer")


@performs("Leave")
async def leave(stage: Stage, verb: Verb) -> Source | None:
    """Leave the queue."""
    raise LeftQueue


@performs("Start")
async def start(stage: Stage, verb: Verb) -> Source | None:
    """Start a recording that goes on beside the other verbs; nothing else is simulated."""
    pick_up(stage)
    for inner in verb.inner:
        if inner.name != "Recording":
            stage.exchange.warn(stage.leg, verb.url, f"{inner.name} is not simulated")
            continue
        recording = _recording(stage, inner)
        recording.source = "StartCallRecordingAPI"
        recording.channels = 2 if inner.get("channels", "dual") == "dual" else 1
        recordings.start(stage.exchange, recording)
    return None


@performs("Stop")
async def stop(stage: Stage, verb: Verb) -> Source | None:
    """Stop what was started."""
    recordings.stop_all(stage.exchange, stage.leg)
    return None


async def _repeat(stage: Stage, verb: Verb, once: Callable[[], None], seconds: float) -> None:
    """Do something ``loop`` times, each lasting ``seconds``."""
    if verb.get("loop") == "0":
        once()
        await stage.leg.wait()
    for _ in range(int(verb.number("loop", 1, 1))):
        once()
        await stage.leg.wait(seconds)
