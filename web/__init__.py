"""HTTP in, HTTP out. A view parses, calls one function of core, answers. No audio, no SQL, no model."""
