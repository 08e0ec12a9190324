"""Malformed media, sent to a real server: no crash, no hang, no worker's death, a typed answer to each."""
