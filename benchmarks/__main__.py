"""`python -m benchmarks [NAME …]`: all of them, one after the other, or those named."""

import sys
from importlib import import_module

NAMES = (
    "detectors",
    "cuts",
    "seams",
    "hallucinations",
    "context",
    "bookkeeping",
    "audit",
    "short_clips",
    "api",
    "beside",
    "throughput",
    "first_segment",
    "memory",
    "webhooks",
    "resumable",
    "large_upload",
    "attribution",
    "cross_talk",
    "diarization",
)
"""`windows` is apart: it needs what `models/training` needs."""

chosen = sys.argv[1:] or list(NAMES)
if unknown := set(chosen) - set(NAMES):
    sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
for name in chosen:
    print(f"\n## {name}\n", flush=True)
    import_module(f"benchmarks.{name}").main([])
