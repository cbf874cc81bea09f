"""WSGI entry point, for gunicorn and for `manage.py up`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebench.settings")

application = get_wsgi_application()

# A large document is a hundred thousand objects, all of them wanted. To look through them and all that is loaded for
# cycles, many times while it is read, takes Python longer than the reading.
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 10, 10)
