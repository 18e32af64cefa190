"""How gunicorn serves us: `gunicorn config.wsgi`. Its command line and GUNICORN_CMD_ARGS override what is here.

Loading the settings here makes an incomplete environment stop the start at once, with everything that is missing.
"""

from django.conf import settings

from config import celery_app

wsgi_app = "config.wsgi"
worker_class = "config.gunicorn_worker.Worker"  # threads that slow clients cannot hold
workers = 2
threads = 4
timeout = 60
graceful_timeout = 30
keepalive = 5
accesslog = None  # config.middleware writes the access line, without the query string
control_socket_disable = True

_silent = {"level": "INFO", "handlers": [], "propagate": True, "qualname": "gunicorn.error"}
logconfig_dict = {**settings.LOGGING, "loggers": {**settings.LOGGING["loggers"], "gunicorn.error": _silent}}

__all__ = ["celery_app"]  # importing it names the settings module
