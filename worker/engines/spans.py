"""Speech probabilities of equal frames -> speech spans: what the detectors share. Pure and streaming."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worker.engines.protocols import Span


@dataclass(frozen=True)
class Hysteresis:
    """Speech starts at `enter`, goes on while above `leave`; seconds for the rest. Shorter silences are bridged,
    shorter speech dropped, longer speech handed over in touching pieces, so that nothing waits for its end."""

    enter: float
    leave: float
    silence: float
    speech: float = 0.0
    piece: float = 5.0


def spans(probabilities: Iterable[float], frame: float, rules: Hysteresis, begin: float = 0.0) -> Iterator[Span]:
    """`frame` and `begin` in seconds: the length of a frame, the start of the first one."""
    first: float | None = None  # of the speech not yet handed over
    handed = False  # whether a piece of this speech went out already
    last = begin  # end of the latest speech frame
    for index, probability in enumerate(probabilities):
        now = begin + index * frame
        if first is None:
            if probability >= rules.enter:
                first, last, handed = now, now + frame, False
        elif probability >= rules.leave:
            last = now + frame
            if last - first >= rules.piece:
                yield Span(first, last)
                first, handed = last, True
        elif now + frame - last >= rules.silence:
            if last > first and (handed or last - first >= rules.speech):
                yield Span(first, last)
            first = None
    if first is not None and last > first:
        yield Span(first, last)


def blocks(frames: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same samples in blocks of `size` bytes; the last one may be shorter, and half a sample is none."""
    left = bytearray()
    for frame in frames:
        left += frame
        whole = len(left) - len(left) % size
        for start in range(0, whole, size):
            yield bytes(left[start : start + size])
        del left[:whole]
    if len(left) > 1:
        yield bytes(left[: len(left) // 2 * 2])
