"""The life of a job and the shape of a transcript: what web and worker share. No Flask, no audio, no models."""
