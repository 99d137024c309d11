"""Scenes: little plays of patients writing and calling, for newcomers to see the console live."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from .callers import Act, Caller, play_caller
from .carrier import Carrier
from .clock import Clock
from .events import Broadcaster
from .pictures import picture
from .store import Store
from .views import show_phone
from .voice.exchange import Exchange


class UnknownScene(Exception):
    """There is no scene of that name."""


@dataclass(frozen=True)
class Line:
    """One text of a scene: when (seconds from its start), from which phone, what."""

    at: float
    phone: str
    body: str
    picture: str = ""


@dataclass(frozen=True)
class Scene:
    """A play: its phones with their labels, the lines that they write, and who calls."""

    name: str
    title: str
    summary: str
    phones: dict[str, str]
    lines: tuple[Line, ...] = ()
    callers: tuple[Caller, ...] = ()

    @property
    def seconds(self) -> float:
        """When its last line is written or its last caller dials, at normal speed."""
        begins = [line.at for line in self.lines] + [caller.at for caller in self.callers]
        return max(begins)

    @property
    def steps(self) -> int:
        """How many texts are written, keys pressed and words said in it."""
        return len(self.lines) + sum(len(caller.acts) for caller in self.callers)


def _busy_monday() -> Scene:
    """Twelve patients on eleven phones: Rosa and her son Mateo share one."""
    ana, ben, carmen, dev, elena, grace, hugo, ines, jo, kofi, rosa = (
        f"+155501001{ending}" for ending in range(42, 53)
    )
    lines = (
        Line(0, ana, "I ran out of metoprolol on Friday. Can someone renew it today?"),
        Line(9, ben, "Hi, is the clinic open today? Your site says holiday hours"),
        Line(21, carmen, "Buenos días, necesito cambiar mi cita del jueves por favor"),
        Line(34, dev, "Do I need to fast before the blood draw tomorrow at 8?"),
        Line(47, rosa, "Hola, soy Rosa. ¿Ya están los resultados de mi análisis?"),
        Line(58, carmen, "Trabajo hasta las 4, así que en la tarde está mejor"),
        Line(70, elena, "Mi mamá se cayó anoche y le duele mucho la cadera. ¿Qué hacemos?"),
        Line(83, grace, "My insurance changed on the 1st. Where do I send the new card?"),
        Line(97, hugo, "cancel my 2:30 with the physio pls, car broke down"),
        Line(112, ines, "¿Me pueden mandar la receta a la farmacia de la avenida 5?"),
        Line(126, jo, "I don't think I can keep going. I haven't slept in days, nobody picks up"),
        Line(139, jo, "sorry. i just need to talk to someone"),
        Line(151, rosa, "This is Mateo, Rosa's son, same phone. I need a sports form by Friday"),
        Line(166, kofi, "The inhaler you gave my daughter makes her shaky. Is that normal?"),
        Line(181, ana, "It's the 50 mg one, twice a day. Pharmacy is closed till noon they said"),
        Line(196, dev, "Also can I drink water? 💧"),
        Line(212, ben, "ok never mind, found it: 8 to 6. Can I walk in for a flu shot?"),
        Line(229, elena, "No puede apoyar la pierna. Tiene 81 años"),
        Line(245, grace, "Here is a photo of the new card", picture="card"),
        Line(262, hugo, "Could I get Wednesday instead?"),
        Line(281, rosa, "Mateo again: the coach says it has to be signed by a doctor"),
        Line(300, kofi, "She is 6 and weighs 21 kg"),
    )
    phones = {
        ana: "Ana’s phone",
        ben: "Ben’s phone",
        carmen: "Carmen’s phone",
        dev: "Dev’s phone",
        elena: "Elena’s phone",
        grace: "Grace’s phone",
        hugo: "Hugo’s phone",
        ines: "Inés’s phone",
        jo: "Jo’s phone",
        kofi: "Kofi’s phone",
        rosa: "Rosa’s and Mateo’s phone",
    }
    return Scene(
        "busy-monday-morning",
        "A busy Monday morning",
        "12 patients, 5 minutes, two languages",
        phones,
        lines,
    )


def _stop_and_start() -> Scene:
    lou, pilar = "+15550100160", "+15550100161"
    lines = (
        Line(0, lou, "HELP"),
        Line(8, pilar, "AYUDA"),
        Line(16, lou, "Please stop texting me"),
        Line(24, lou, "STOP"),
        Line(34, pilar, "ALTO"),
        Line(46, lou, "my chest hurts, this is an emergency"),
        Line(60, pilar, "EMPEZAR"),
        Line(70, lou, "START"),
    )
    phones = {lou: "Lou’s phone", pilar: "Pilar’s phone"}
    return Scene(
        "stop-and-start",
        "Stop and start",
        "2 patients leave and come back, 70 seconds",
        phones,
        lines,
    )


def _everyone_at_once() -> Scene:
    phones = {f"+15550100{ending}": f"Caller {ending - 299}" for ending in range(300, 320)}
    lines = [
        Line(round(index * 0.25, 2), phone, f"Message {half} from patient {index % 20 + 1}")
        for half in (1, 2)
        for index, phone in enumerate(phones, start=(half - 1) * 20)
    ]
    return Scene(
        "everyone-at-once",
        "Everyone at once",
        "40 texts from 20 phones in ten seconds",
        phones,
        tuple(lines),
    )


def _three_callers() -> Scene:
    """They find their way through the demo clinic's menu by its digits."""
    lucia, sam, nora = "+15550100170", "+15550100171", "+15550100172"
    callers = (
        Caller(
            0,
            lucia,
            (
                Act("asked", press="2", after=3),
                Act("asked", press="1", after=5),
                Act("talking", say="Buenos días. Soy Lucía Campos. Necesito cambiar mi cita."),
                Act("addressed", say="El jueves no puedo. ¿Tienen algo el viernes por la mañana?"),
                Act("addressed", say="El viernes a las nueve está muy bien. Muchas gracias."),
                Act("addressed", after=4),
            ),
        ),
        Caller(
            2,
            sam,
            (
                Act("asked", press="1", after=2),
                Act("asked", press="8", after=4),
                Act("recording", say="Hi, this is Sam Whitfield, born May 2, 1961."),
                Act(
                    "recording", say="My blood pressure pills run out tomorrow. Please renew them."
                ),
                Act("recording", say="You reach me at this number all day. Thank you.", after=3),
                Act("recording", press="#", after=2),
            ),
        ),
        Caller(
            4,
            nora,
            (
                Act("asked", press="1", after=2),
                Act("asked", press="1", after=4),
                Act("waiting", press="1", after=5),
            ),
        ),
    )
    phones = {lucia: "Lucía’s phone", sam: "Sam’s phone", nora: "Nora’s phone"}
    return Scene(
        "three-callers",
        "Three callers at once",
        "One in Spanish, one leaves a voicemail, one asks to be called back",
        phones,
        callers=callers,
    )


SCENES = {
    scene.name: scene
    for scene in (_busy_monday(), _three_callers(), _stop_and_start(), _everyone_at_once())
}


def phone_labels() -> dict[str, str]:
    """Whose phone a number is, by the scenes."""
    return {e164: label for scene in SCENES.values() for e164, label in scene.phones.items()}


class Stage:
    """Plays scenes on the simulator's clock; one performance of each at a time."""

    def __init__(
        self,
        carrier: Carrier,
        exchange: Exchange,
        store: Store,
        clock: Clock,
        events: Broadcaster,
    ) -> None:
        self.carrier = carrier
        self.exchange = exchange
        self.store = store
        self.clock = clock
        self.events = events
        #: What is left of each performance: the texts, and each caller.
        self._playing: dict[str, set[asyncio.Task[None]]] = {}
        self._progress: dict[str, int] = {}

    def play(self, name: str, number: str, speed: float = 1.0) -> Scene:
        """Start a scene, from the beginning if it is already on.

        Args:
            name: the scene's name.
            number: the clinic's number that everybody writes to and calls.
            speed: how many times faster than written.

        Raises:
            UnknownScene: for another name.
            ValueError: for a speed outside 0.1 to 1,000.
        """
        scene = self._find(name)
        if not 0.1 <= speed <= 1000:
            raise ValueError("speed is between 0.1 and 1000")
        self.stop(name)
        for e164, label in scene.phones.items():
            self.store.phone(e164, label)
        self._progress[name] = 0
        tasks = set()
        if scene.lines:
            tasks.add(self.clock.spawn(self._write(scene, number, speed)))
        for caller in scene.callers:
            self._lay_on_desk(caller.phone)
            tasks.add(self.clock.spawn(self._call(scene, caller, number, speed), standing=True))
        self._playing[name] = tasks
        for task in list(tasks):
            task.add_done_callback(lambda ended: self._ended(name, tasks, ended))
        self._tell(name)
        return scene

    def stop(self, name: str) -> None:
        """Drop the curtain; nothing happens when it is not playing.

        Raises:
            UnknownScene: for another name.
        """
        self._find(name)
        tasks = self._playing.pop(name, None)
        if tasks is not None:
            for task in tasks:
                task.cancel()
            self._tell(name)

    def show(self, scene: Scene) -> dict[str, Any]:
        """A scene and how far it is, for the page."""
        return {
            "name": scene.name,
            "title": scene.title,
            "summary": scene.summary,
            "seconds": scene.seconds,
            "lines": scene.steps,
            "played": self._progress.get(scene.name, 0),
            "playing": scene.name in self._playing,
        }

    async def _write(self, scene: Scene, number: str, speed: float) -> None:
        elapsed = 0.0
        for line in scene.lines:
            await self.clock.sleep((line.at - elapsed) / speed)
            elapsed = line.at
            media = [("image/png", picture(line.picture))] if line.picture else []
            self.carrier.take_from_phone(line.phone, number, line.body, media)
            self._step(scene.name)

    async def _call(self, scene: Scene, caller: Caller, number: str, speed: float) -> None:
        await play_caller(self.exchange, caller, number, speed, done=lambda: self._step(scene.name))

    def _step(self, name: str) -> None:
        self._progress[name] += 1
        self._tell(name)

    def _ended(self, name: str, tasks: set[asyncio.Task[None]], ended: asyncio.Task[None]) -> None:
        tasks.discard(ended)
        # After a stop, or a start afresh, these tasks are nobody's performance any more.
        if not tasks and self._playing.get(name) is tasks:
            del self._playing[name]
            self._tell(name)

    def _lay_on_desk(self, e164: str) -> None:
        """Put a caller's phone where their call can be followed."""
        phone = self.store.phone(e164)
        phone.on_desk = True
        self.events.publish("phone", phone=show_phone(self.store, phone))

    def _find(self, name: str) -> Scene:
        if name not in SCENES:
            raise UnknownScene(name)
        return SCENES[name]

    def _tell(self, name: str) -> None:
        self.events.publish("scene", scene=self.show(SCENES[name]))
