"""The fault suite: real processes, broken on purpose."""
