"""How well a transcript agrees with a reference: words, speakers, and who said which word.

Only `words` imports jiwer, only `attributed` meeteval, only `diarization` pyannote.metrics; the last two are optional.
"""
