"""Celery's settings, each with its reason. Redis is a bell here: no results, no late acks, no ETAs, no chords.

Figures are from a fault study with Celery 5.7 and Redis; see docs/decisions/0001.
"""

from celery.schedules import schedule

from core.settings import settings

_now = settings()

broker_url = _now.redis_url
# A half-open connection would otherwise be waited for without end. A worker has two, and loses them one after the
# other: with ten seconds each, a half-open broker held up new work for 22 to 30 s. It asks for rings for 1 s at a time.
broker_transport_options = {
    "socket_timeout": 4,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 2,
    "global_keyprefix": "scriptorium:",
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_pool_limit = 4
broker_pool_acquire_timeout = 5
# An upload must be answered also while Redis is down: its row is the outbox.
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2}

task_ignore_result = True
task_serializer = "json"
accept_content = ["json"]
task_create_missing_queues = True
# One ring at a time: a ring waiting in one busy worker's memory is not heard by an idle one.
worker_prefetch_multiplier = 1
worker_send_task_events = False
worker_enable_remote_control = False
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False

beat_schedule = {
    "sweep": {
        "task": "scriptorium.sweep",
        "schedule": schedule(_now.sweep),
        # No expiry: it would be read from the worker's clock, and one that is off would never sweep.
        "options": {"queue": "upkeep"},
    },
    "scavenge": {
        "task": "scriptorium.scavenge",
        "schedule": schedule(_now.scavenge),
        "options": {"queue": "upkeep"},
    },
}
timezone = "UTC"
