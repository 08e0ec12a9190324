"""gunicorn's settings: `python -m gunicorn -c python:web.gunicorn_config`. The address is given on the command line."""

from core.settings import settings

wsgi_app = "web.app:create_app()"
worker_class = "gthread"
workers = 1
"""Which requests may wait is counted in one process; more threads, or more machines, carry more."""
threads = settings().web_threads
keepalive = 15
graceful_timeout = 10
"""Seconds that running requests get at a stop. A caller that waits for a job asks again."""
control_socket_disable = True
"""It would lie in the home folder, which may be read-only or shared."""
accesslog = None
"""Requests are not logged: a query may hold what is private."""
errorlog = "-"
loglevel = settings().log_level.lower()
