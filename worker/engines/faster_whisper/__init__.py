"""faster-whisper behind our Recognizer: many clips in one call, each as if it were alone."""

from worker.engines.faster_whisper.recognizer import FasterWhisper, load, pull

__all__ = ["FasterWhisper", "load", "pull"]
