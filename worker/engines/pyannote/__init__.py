"""pyannote.audio 4 behind our Diarizer: blocks of a recording heard apart, joined by one clustering."""

from worker.engines.pyannote import environment  # first: it decides what importing pyannote.audio does
from worker.engines.pyannote.diarizer import PyannoteDiarizer
from worker.engines.pyannote.files import pull
from worker.engines.pyannote.loading import load

__all__ = ["PyannoteDiarizer", "environment", "load", "pull"]
