"""Notes of a server's stages, written by the thread that examines it and read by another."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailmirror.domain.doctor import ServerStage, StageResult, Step, cause_at
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import Diagnosis, ServerCause


class Diagnosed(Refused):
    """A refusal whose cause is known more exactly than a code of problems says."""

    def __init__(self, cause: Diagnosis, detail: str = "") -> None:
        super().__init__(Code.PROTOCOL_ERROR, detail)
        self.cause = cause


@dataclass(slots=True)
class Seen:
    """What a stage has shown so far."""

    text: str = ""
    code: Diagnosis | None = None
    """Of a warning."""


@dataclass(slots=True)
class Notes:
    """The steps of one server. The first that is noted of a stage counts."""

    seconds: float
    """How long the whole may take."""
    until: float = field(init=False)
    """When the time of the whole is up, by `time.monotonic`."""
    cut: bool = field(init=False, default=False)
    """Whether a stage ended without a result because the time was up."""
    _steps: dict[ServerStage, Step] = field(init=False, default_factory=dict)
    _running: tuple[ServerStage, float] | None = field(init=False, default=None)
    """The stage that is being examined, and since when."""
    _last: ServerStage = field(init=False, default=ServerStage.NAME)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds; at least one thousandth, for a time-out of zero means another thing."""
        return max(0.001, self.until - time.monotonic())

    @property
    def in_time(self) -> bool:
        return time.monotonic() < self.until

    @contextmanager
    def stage(self, stage: ServerStage) -> Iterator[Seen]:
        """Note what comes of a stage: of a refusal why, and that it is cut off once the time is up.

        An exception of another kind is noted as nothing: the stage goes on, or another error is
        found out about it.
        """
        begun, seen = time.monotonic(), Seen()
        with self._lock:
            self._running, self._last = (stage, begun), stage
        try:
            yield seen
        except Refused as refusal:
            if self.in_time:
                cause = _cause(stage, refusal)
                step = Step(stage, StageResult.FAILED, cause, visible(refusal.detail))
            else:
                self.cut = True
                step = Step(
                    stage, StageResult.CUT_OFF, ServerCause.TIME_IS_UP, visible(refusal.detail)
                )
            self._note(step, begun)
            raise
        else:
            result = StageResult.WARNING if seen.code else StageResult.OK
            self._note(Step(stage, result, seen.code, visible(seen.text)), begun)
        finally:
            with self._lock:
                self._running = None

    def note(self, steps: Iterable[Step]) -> None:
        """Note stages that were found out about together with another."""
        with self._lock:
            for step in steps:
                self._steps.setdefault(step.stage, step)

    def note_defect(self) -> None:
        """Note that Mailmirror itself has failed at the stage that was begun last."""
        with self._lock:
            stage = self._last
            self._steps[stage] = Step(stage, StageResult.FAILED, Code.INTERNAL_ERROR)

    def steps(self) -> Sequence[Step]:
        """The steps so far; the stage that is being examined is cut off."""
        with self._lock:
            steps = dict(self._steps)
            if self._running is not None:
                stage, begun = self._running
                spent = _milliseconds(begun)
                cut = Step(stage, StageResult.CUT_OFF, ServerCause.TIME_IS_UP, milliseconds=spent)
                steps.setdefault(stage, cut)
            return list(steps.values())

    def _note(self, step: Step, begun: float) -> None:
        timed = Step(
            step.stage, step.result, step.code, step.seen, _milliseconds(begun), step.after
        )
        with self._lock:
            self._steps.setdefault(step.stage, timed)


def _cause(stage: ServerStage, refusal: Refused) -> Diagnosis:
    return refusal.cause if isinstance(refusal, Diagnosed) else cause_at(stage, refusal)


def _milliseconds(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
