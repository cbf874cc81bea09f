"""WSGI entry point, for gunicorn and for `manage.py up`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebench.settings")

application = get_wsgi_application()
