"""What a caller may do."""

from enum import StrEnum


class Scope(StrEnum):
    """`admin` holds all others."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    WEBHOOKS_WRITE = "webhooks:write"
    USAGE_READ = "usage:read"
    ADMIN = "admin"
