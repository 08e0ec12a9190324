"""`scriptorium score REF HYP`"""

import json as documents
import math
from pathlib import Path
from typing import Annotated

import typer

from scriptorium.cli.connection import wrong_use
from scriptorium.cli.exits import WRONG_USE

_FORMATS = ".stm, .ctm, .rttm, .txt, or .json: a transcript, or SegLST"

Reference = Annotated[
    Path, typer.Argument(metavar="REF", exists=True, dir_okay=False, help=f"What was said: {_FORMATS}.")
]
Hypothesis = Annotated[
    Path, typer.Argument(metavar="HYP", exists=True, dir_okay=False, help=f"What was heard: {_FORMATS}.")
]
Collar = Annotated[
    float,
    typer.Option(
        min=0.0, help="DER and JER: seconds on each side of the edges of REF's turns that do not count; NIST took 0.25."
    ),
]
SkipOverlap = Annotated[
    bool, typer.Option("--skip-overlap", help="DER and JER: nor does where several speak at once in REF.")
]
WordCollar = Annotated[float, typer.Option(min=0.0, help="tcpWER: seconds that the time of a word may be off.")]


def score(
    reference: Reference,
    hypothesis: Hypothesis,
    collar: Collar = 0.0,
    skip_overlap: SkipOverlap = False,
    word_collar: WordCollar = 5.0,
    json: Annotated[bool, typer.Option("--json", help="For programs: rates as fractions.")] = False,
) -> None:
    """Compare a transcript with what was said: WER, CER, cpWER, tcpWER, DER, JER; those that the two files allow."""
    from scriptorium.scoring.files import read
    from scriptorium.scoring.report import Policy, Score, as_json, as_text, compared
    from scriptorium.scoring.speech import Unscorable

    if not (math.isfinite(collar) and math.isfinite(word_collar)):
        raise wrong_use("a collar is a number of seconds")
    try:
        sides = read(reference, "REF"), read(hypothesis, "HYP")
        lines = compared(*sides, Policy(collar, skip_overlap, word_collar))
    except Unscorable as error:
        raise wrong_use(str(error)) from error
    typer.echo(documents.dumps(as_json(lines), indent=1) if json else as_text(lines))
    if not any(isinstance(line, Score) for line in lines):
        raise typer.Exit(WRONG_USE)
