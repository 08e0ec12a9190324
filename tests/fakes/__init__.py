"""Small working stand-ins, passed as arguments; nothing is patched."""
