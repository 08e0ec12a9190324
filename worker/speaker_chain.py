"""Who spoke each word, all words together: a hidden Markov chain (Rabiner, "A tutorial on hidden Markov models", 1989)
whose states are the speakers near a word, not those of the whole meeting. Pure.

`chain`: what speaks for each speaker, at each word, all above 0. `changes`: the chance, at most one half, that another
speaks between two neighbours. All changes cost alike, so that a step is one term a speaker and not one a pair.
"""

from collections.abc import Sequence

Weights = dict[str | None, float]
"""By speaker; None is somebody whom the diarizer did not hear."""


def path(chain: Sequence[Weights], changes: Sequence[float], floor: float) -> list[str | None]:
    """Viterbi's likeliest speakers. Whoever was likeliest a word ago stays possible, and is added to the chain with
    `floor`: a change must never be forced only because a turn is missing."""
    scores: Weights = dict(chain[0]) if chain else {}
    bests: list[str | None] = []
    kept: list[set[str | None]] = []  # who, of those at a word, spoke the one before it too
    for here, change in zip(chain[1:], changes, strict=True):
        best = max(scores, key=scores.__getitem__)
        here.setdefault(best, floor)
        stays = {who: (1 - change) * scores.get(who, 0.0) / scores[best] for who in here}
        kept.append({who for who, score in stays.items() if score >= change})
        bests.append(best)
        scores = {who: weight * max(stays[who], change) for who, weight in here.items()}
    return _back(scores, bests, kept)


def _back(scores: Weights, bests: Sequence[str | None], kept: Sequence[set[str | None]]) -> list[str | None]:
    found = [max(scores, key=scores.__getitem__)] if scores else []
    for best, same in zip(reversed(bests), reversed(kept), strict=True):
        found.append(found[-1] if found[-1] in same else best)
    return found[::-1]


def posteriors(chain: Sequence[Weights], changes: Sequence[float]) -> list[Weights]:
    """Odds of the speakers of each word, given all words: forward and backward passes."""
    forward = _forward(chain, changes)
    after: Weights = dict.fromkeys(chain[-1], 1.0) if chain else {}
    for at in range(len(forward) - 2, -1, -1):
        here = {who: weight * after[who] for who, weight in chain[at + 1].items()}
        total, change = sum(here.values()), changes[at]
        after = {who: change + (1 - 2 * change) * here.get(who, 0.0) / total for who in forward[at]}
        forward[at] = {who: chance * after[who] for who, chance in forward[at].items()}
    return forward


def _forward(chain: Sequence[Weights], changes: Sequence[float]) -> list[Weights]:
    """Given the words so far."""
    found = [_normal(chain[0])] if chain else []
    for here, change in zip(chain[1:], changes, strict=True):
        before = found[-1]
        found.append(_normal({who: w * (change + (1 - 2 * change) * before.get(who, 0.0)) for who, w in here.items()}))
    return found


def _normal(weights: Weights) -> Weights:
    total = sum(weights.values())
    return {who: weight / total for who, weight in weights.items()}
