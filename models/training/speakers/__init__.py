"""Makes the demonstration diarizer: voices, conversations of them, two networks, a PLDA, and their scores."""
