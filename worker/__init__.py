"""Everything that touches audio, models or other people's servers."""
