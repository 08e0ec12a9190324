"""Which scores two files allow, and what they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scriptorium.scoring import attributed, diarization
from scriptorium.scoring.attributed import NotInstalled
from scriptorium.scoring.plain import NORMALISATION, plain_characters, plain_words
from scriptorium.scoring.speech import Speech, Unscorable, paired
from scriptorium.scoring.words import Errors, character_errors, word_errors

MOST_WORD_CELLS = 1e12
"""Words said x words heard: a million of each take four minutes of a processor."""
MOST_CHARACTER_CELLS = 2.5e12
"""Characters said x heard: 1.6 million of each take two minutes."""
MOST_TURN_CELLS = 1e9
"""Turns of both sides, squared: pyannote.metrics looks for each turn from the first one on. Three minutes; ten hours
with 15,000 turns take 40 s."""


@dataclass(frozen=True)
class Policy:
    """`collar`, of DER and JER, in seconds on each side of an edge; `word_collar`, of tcpWER, in seconds: 5 is what
    MeetEval and the CHiME challenges take."""

    collar: float = 0.0
    skip_overlap: bool = False
    word_collar: float = 5.0


@dataclass(frozen=True)
class Score:
    """`counted` is what the rate is made of; `says` the same for people, with what was left out."""

    name: str
    rate: float
    says: str
    counted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NotScored:
    """`why` names the cause, and the remedy where there is one."""

    name: str
    why: str


Line = Score | NotScored
_Pairs = Sequence[tuple[Speech, Speech]]


def compared(reference: Speech, hypothesis: Speech, policy: Policy) -> list[Line]:
    """Every score, or why not. Raises Unscorable where the files are not of the same recordings."""
    pairs = paired(reference, hypothesis)
    return [line for names, needs, score in SCORES for line in _tried(names, needs, score, pairs, policy)]


def _tried(
    names: tuple[str, ...], needs: tuple[str, ...], score: "_Scored", pairs: _Pairs, policy: Policy
) -> Iterator[Line]:
    lacking = next((why for side in _sides(pairs) for need in needs if (why := _LACKING[need](side))), None)
    if lacking:
        yield from (NotScored(name, lacking) for name in names)
        return
    try:
        yield from score(pairs, policy)
    except (NotInstalled, Unscorable) as error:
        yield from (NotScored(name, str(error)) for name in names)


def _sides(pairs: _Pairs) -> Iterator[Speech]:
    """Each file as a whole, the reference first."""
    for sides in zip(*pairs, strict=True):
        passages = tuple(passage for side in sides for passage in side.passages)
        yield Speech(sides[0].name, (), passages)


_LACKING: dict[str, Callable[[Speech], str | None]] = {
    "words": lambda side: None if side.has_words else f"no words in {side.name}",
    "speakers": lambda side: None if side.has_speakers else f"no speakers in {side.name}",
    "times": lambda side: None if side.has_times else f"no times in {side.name}",
    "turns": lambda side: None if side.has_speakers else f"no speakers in {side.name}: it needs turns",
}


def _wer(pairs: _Pairs, policy: Policy) -> Iterator[Line]:
    words = [(plain_words(said.text()), plain_words(heard.text())) for said, heard in pairs]
    bounded(((len(said), len(heard)) for said, heard in words), MOST_WORD_CELLS, "words")
    yield _counted("WER", word_errors(words), "words")


def _cer(pairs: _Pairs, policy: Policy) -> Iterator[Line]:
    texts = [(plain_characters(said.text()), plain_characters(heard.text())) for said, heard in pairs]
    bounded(((len(said), len(heard)) for said, heard in texts), MOST_CHARACTER_CELLS, "characters")
    yield _counted("CER", character_errors(texts), "characters")


def _cp(pairs: _Pairs, policy: Policy) -> Iterator[Line]:
    yield _attributed("cpWER", pairs, attributed.cp_errors, "", {})


def _tcp(pairs: _Pairs, policy: Policy) -> Iterator[Line]:
    collar = policy.word_collar
    says = f"; times may be off by a collar of {collar:g} s"
    yield _attributed(
        "tcpWER", pairs, lambda said, heard: attributed.tcp_errors(said, heard, collar), says, {"collar": collar}
    )


def _attributed(
    name: str, pairs: _Pairs, measure: Callable[..., Errors], says: str, policy: Mapping[str, Any]
) -> Score:
    streams = [(said.streams(), heard.streams()) for said, heard in pairs]
    bounded(
        ((attributed.words_in(said), attributed.words_in(heard)) for said, heard in streams),
        attributed.MOST_CELLS,
        "words",
    )
    found = [measure(said, heard) for said, heard in streams]
    total = Errors(sum(one.errors for one in found), sum(one.length for one in found))
    for role, sides in zip(("REF", "HYP"), zip(*pairs, strict=True), strict=True):
        if without := sum(side.unattributed for side in sides):
            says += f"; {without} words of {role} have no speaker and count as one speaker more"
    return _counted(name, total, "words", says, policy)


def _der(pairs: _Pairs, policy: Policy) -> Iterator[Line]:
    turns = [(said.turns(), heard.turns()) for said, heard in pairs]
    bounded(((len(said) + len(heard),) * 2 for said, heard in turns), MOST_TURN_CELLS, "turns")
    found = diarization.speaker_errors(turns, policy.collar, policy.skip_overlap)
    if not found.spoken:
        raise Unscorable("no speech in REF is left to score" if any(said for said, _ in turns) else "no turns in REF")
    stated = {"collar": policy.collar, "overlap": "skipped" if policy.skip_overlap else "counted"}
    says = f"collar {policy.collar:g} s on each side, overlapped speech {stated['overlap']}{_bridged(pairs)}"
    seconds = {name: getattr(found, name) for name in ("spoken", "missed", "false_alarm", "confused")}
    parts = f"missed {found.missed:.1f} s, false alarm {found.false_alarm:.1f} s, confused {found.confused:.1f} s"
    yield Score("DER", found.rate, f"{parts}, of {found.spoken:.1f} s spoken; {says}", {**seconds, **stated})
    named = sum(len({turn.speaker for turn in heard}) for _, heard in turns)
    speakers = {"speakers": found.speakers, "speakers_heard": named}
    yield Score("JER", found.jaccard, f"mean of {found.speakers} speakers, HYP has {named}; {says}", speakers | stated)


def _bridged(pairs: _Pairs) -> str:
    """Whose turns are made of words."""
    sides = zip(("REF", "HYP"), pairs[0], strict=True)
    made = (
        f"; turns of {role} are its words, pauses below {side.bridged:g} s bridged"
        for role, side in sides
        if side.bridged and not side.told
    )
    return "".join(made)


def _counted(name: str, found: Errors, unit: str, says: str = "", policy: Mapping[str, Any] | None = None) -> Score:
    if not found.length:
        raise Unscorable("REF has no words")
    kinds = {kind: count for kind in ("substituted", "missing", "extra") if (count := getattr(found, kind)) is not None}
    parts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    shown = f"{found.errors} errors in {found.length} {unit}" + (f" ({parts})" if parts else "") + says
    return Score(name, found.rate, shown, {"errors": found.errors, unit: found.length, **kinds, **(policy or {})})


def bounded(sizes: Iterable[tuple[int, int]], most: float, unit: str) -> None:
    """Of each recording's (said, heard) `unit`, which all are compared with all. Raises Unscorable where that would
    take longer than minutes."""
    if sum(said * heard for said, heard in sizes) > most:
        raise Unscorable(f"too many {unit} for it at once; score the recordings apart")


_Scored = Callable[[_Pairs, Policy], Iterator[Line]]

SCORES: tuple[tuple[tuple[str, ...], tuple[str, ...], _Scored], ...] = (
    (("WER",), ("words",), _wer),
    (("CER",), ("words",), _cer),
    (("cpWER",), ("words", "speakers"), _cp),
    (("tcpWER",), ("words", "speakers", "times"), _tcp),
    (("DER", "JER"), ("turns", "times"), _der),
)
"""Names, what both files must have for them, and what computes them."""


def as_text(lines: Sequence[Line]) -> str:
    """A line a score, and how words were compared."""
    shown = [
        f"{line.name:7} {line.rate:7.1%}  {line.says}"
        if isinstance(line, Score)
        else f"{line.name:7}       -  not scored: {line.why}"
        for line in lines
    ]
    return "\n".join([*shown, f"({NORMALISATION})"])


def as_json(lines: Sequence[Line]) -> dict[str, Any]:
    """`scores` and `not_scored`, by lower-case name; rates are fractions, times seconds."""
    return {
        "normalisation": NORMALISATION,
        "scores": {s.name.lower(): {"rate": s.rate, **s.counted} for s in lines if isinstance(s, Score)},
        "not_scored": {line.name.lower(): line.why for line in lines if isinstance(line, NotScored)},
    }
