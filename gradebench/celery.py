"""The Celery application. Its messages are wake-ups; what is to be done stands in the database."""

import os

from celery import Celery, signals
from kombu.transport import virtual

from gradebench import request_ids

# A worker that loses the broker would put back what it has not finished, over the connection that it has just closed.
# Nothing needs to be put back: the next tick finds what is due.
virtual.QoS.restore_at_shutdown = False

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebench.settings")

app = Celery("gradebench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["reviews"])
request_ids.hand_on_to_tasks()


@signals.setup_logging.connect
def leave_logging_alone(**_: object) -> None:
    """To have this heard is enough: Celery would give its loggers handlers that write past our formatter."""
