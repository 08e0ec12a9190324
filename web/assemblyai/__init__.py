"""AssemblyAI's API, so that its unmodified clients work: their fields in, their shapes out, over the same jobs."""
