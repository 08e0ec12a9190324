"""A job and its transcript document -> what AssemblyAI's API answers. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from core.passages import Passage, Spoken, occurrences, paragraphs, sentences, spoken, text_of
from core.transcript import weighted_mean
from web.assemblyai.asked import UPLOADS, language_code
from web.letters import letters

Document = dict[str, Any]
"""As `core.transcript.Transcript.to_json` makes it."""
Job = dict[str, Any]
"""As `core.jobs.show` gives it."""
NameOf = Callable[[str | None, int | None], str | None]
"""(label, channel from 0) -> what the speaker is called."""

STATUSES = {
    "queued": "queued",
    "processing": "processing",
    "completed": "completed",
    "failed": "error",
    "cancelled": "error",
}
"""A job's status -> a transcript's."""
DELETED_TEXT = "Deleted by user."
DELETED_URL = "http://deleted_by_user"
_OFF = (
    "auto_chapters auto_highlights content_safety disfluencies entity_detection filter_profanity iab_categories "
    "redact_pii redact_pii_audio sentiment_analysis summarization custom_topics speed_boost throttled webhook_auth"
).split()
_NEVER = (
    "auto_highlights_result chapters content_safety_labels entities iab_categories_result sentiment_analysis_results "
    "summary summary_model summary_type custom_spelling redact_pii_policies redact_pii_sub redact_pii_audio_quality "
    "language_confidence_threshold speech_threshold webhook_url webhook_auth_header_name webhook_status_code "
    "boost_param word_boost speech_model temperature"
).split()


def transcript(job: Job, document: Document | None, base: str) -> dict[str, Any]:
    """`document`: of a completed job. `base`: the server's address, without a slash at its end."""
    found = {"id": job["id"], "status": STATUSES[job["status"]], "audio_url": audio_url(job, base)}
    found |= {**_as_asked(job), **_heard(job, document), **dict.fromkeys(_OFF, False), **dict.fromkeys(_NEVER)}
    if job["options"].get("channels") == "separate":
        found["audio_channels"] = job["recording"]["channels"]
    if found["status"] == "error":
        found["error"] = fault_of(job)
    return found


def deleted(job_id: str) -> dict[str, Any]:
    """What stands for a transcript once it is gone."""
    gone = {"id": job_id, "status": "completed", "audio_url": DELETED_URL, "text": DELETED_TEXT}
    kept = ("language_model", "acoustic_model", "speech_model_used")
    nothing = dict.fromkeys(("words", "utterances", "confidence", "audio_duration", "language_code"))
    off = dict.fromkeys(_OFF, False)
    return {**gone, **nothing, "language_confidence": None, **dict.fromkeys(kept, ""), **off, **dict.fromkeys(_NEVER)}


def listed(job: Job, base: str) -> dict[str, Any]:
    status = STATUSES[job["status"]]
    return {
        "id": job["id"],
        "resource_url": f"{base}/v2/transcript/{job['id']}",
        "status": status,
        "created": _moment(job["created_at"]),
        "completed": _moment(job["finished_at"]) if status == "completed" else None,
        "audio_url": audio_url(job, base),
        "error": fault_of(job) if status == "error" else None,
    }


def audio_url(job: Job, base: str) -> str:
    """Where its recording was fetched, else the upload's own."""
    return job.get("source_url") or f"{base}{UPLOADS}{job['recording']['id']}"


def fault_of(job: Job) -> str:
    return str(job["error"]["message"]) if job["error"] else f"the job was {job['status']}"


def all_sentences(job: Job, document: Document) -> dict[str, Any]:
    return {**_whole(job, document), "sentences": _passages(sentences(spoken(document)), _naming(job, document))}


def all_paragraphs(job: Job, document: Document) -> dict[str, Any]:
    return {**_whole(job, document), "paragraphs": _passages(paragraphs(spoken(document)), _naming(job, document))}


def search(job: Job, document: Document, phrases: Sequence[str]) -> dict[str, Any]:
    """Each phrase once, without those that are never said. An index is that of the phrase's first word."""
    found = occurrences(spoken(document), phrases)
    matches = [
        {
            "text": phrase,
            "count": len(places),
            "timestamps": [list(_times(one)) for one in places],
            "indexes": [one[0].index for one in places],
        }
        for phrase, places in found.items()
        if places
    ]
    return {"id": job["id"], "total_count": sum(len(places) for places in found.values()), "matches": matches}


def _as_asked(job: Job) -> dict[str, Any]:
    """What was asked, as far as the job's options tell."""
    options = job["options"]
    end, start, prompt = options.get("clip_end"), options.get("clip_start"), options.get("prompt")
    separate = options.get("channels") == "separate"
    return {
        "speaker_labels": bool(options.get("diarization")),
        "speakers_expected": options.get("speakers"),
        "multichannel": separate,
        "dual_channel": separate,
        "audio_start_from": _milliseconds(start) if start else None,
        "audio_end_at": None if end is None else _milliseconds(end),
        "keyterms_prompt": list(options.get("hotwords") or ()),
        "prompt": prompt or None,
        "speech_models": [options["model"]] if options.get("model") else None,
        "language_detection": _given_language(job) is None,
        "punctuate": True,
        "format_text": True,
    }


def _heard(job: Job, document: Document | None) -> dict[str, Any]:
    model, given = job["model"]["name"], _given_language(job)
    found: dict[str, Any] = {
        "language_code": language_code(given or job["language"]) if given or job["language"] else None,
        "language_confidence": None if given else job["language_probability"],
        **dict.fromkeys(("speech_model_used", "language_model", "acoustic_model"), model),
        **dict.fromkeys(("text", "words", "utterances", "confidence", "audio_duration")),
    }
    if document is None:
        return found
    name_of, said = _naming(job, document), spoken(document)
    told = {"text": document["text"], "words": [_word(one, name_of) for one in said], **_score(document)}
    if job["options"].get("diarization") or document["speakers"]:
        told["utterances"] = _passages(_utterances(document, said), name_of)
    return {**found, **told}


def _given_language(job: Job) -> str | None:
    given = job["options"].get("language")
    return None if given in (None, "auto") else str(given)


def _score(document: Document) -> dict[str, Any]:
    """Where there is no text its confidence is 0: no client expects null."""
    return {"confidence": document["confidence"] or 0.0, "audio_duration": round(document["duration"])}


def _whole(job: Job, document: Document) -> dict[str, Any]:
    return {"id": job["id"], **_score(document), "speech_model_used": job["model"]["name"]}


def _naming(job: Job, document: Document) -> NameOf:
    """Letters in order of first speech, or the names that were given. Of channels heard apart, the channel's number,
    with a letter behind it where its speakers were told apart too."""
    named = letters(document)
    if job["options"].get("channels") != "separate":
        return lambda label, channel: named.get(label or "", label)
    diarized = bool(job["options"].get("diarization"))

    def name_of(label: str | None, channel: int | None) -> str | None:
        letter = named.get(label or "", label) or ""
        return f"{(channel or 0) + 1}{letter if diarized else ''}"

    return name_of


def _utterances(document: Document, said: Iterable[Spoken]) -> list[Passage]:
    """The words of each utterance of the document, which says when it begins and who speaks."""
    begins: dict[str | None, list[float]] = {}
    for one in sorted(document["utterances"], key=lambda one: one["start"]):
        begins.setdefault(one["speaker"], []).append(one["start"])
    parts: dict[tuple[str | None, int | None, int], list[Spoken]] = {}
    for word in said:
        place = bisect_right(begins.get(word.piece.speaker, ()), word.piece.start)
        parts.setdefault((word.piece.speaker, word.channel, place), []).append(word)
    return sorted((tuple(words) for words in parts.values()), key=lambda words: words[0].index)


def _passages(passages: Iterable[Passage], name_of: NameOf) -> list[dict[str, Any]]:
    return [_passage(one, name_of) for one in passages]


def _passage(words: Passage, name_of: NameOf) -> dict[str, Any]:
    start, end = _times(words)
    first = _word(words[0], name_of)
    return {
        "text": text_of(words),
        "start": start,
        "end": end,
        "confidence": weighted_mean([(one.piece.confidence, max(_length(one), 0.01)) for one in words]),
        "speaker": first["speaker"],
        "channel": first["channel"],
        "words": [_word(one, name_of) for one in words],
    }


def _word(one: Spoken, name_of: NameOf) -> dict[str, Any]:
    start, end = _times((one,))
    return {
        "text": one.piece.text.strip(),
        "start": start,
        "end": end,
        "confidence": round(one.piece.confidence, 4),
        "speaker": name_of(one.piece.speaker, one.channel),
        "channel": None if one.channel is None else str(one.channel + 1),
    }


def _times(words: Sequence[Spoken]) -> tuple[int, int]:
    start = _milliseconds(words[0].piece.start)
    return start, max(start, *(_milliseconds(one.piece.end) for one in words))


def _length(one: Spoken) -> float:
    return one.piece.end - one.piece.start


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _moment(moment: str | None) -> str | None:
    """As AssemblyAI writes it: in UTC, and without saying so."""
    return datetime.fromisoformat(moment).replace(tzinfo=None).isoformat() if moment else None
