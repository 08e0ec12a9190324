"""The state machine test: what owners, workers and time do to jobs, and what holds whatever they do."""
