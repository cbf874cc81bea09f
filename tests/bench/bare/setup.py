"""Django as the floor has it: GradeBench's own settings for the database and nothing else."""

import django
from django.conf import settings

from gradebench.settings import DATABASES

settings.configure(
    # A bulk request may be larger than Django lets it be by itself.
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    ALLOWED_HOSTS=["*"],
    DATABASES=DATABASES,
    INSTALLED_APPS=["tests.bench.bare"],
    MIDDLEWARE=[],
    ROOT_URLCONF="tests.bench.bare.app",
    SECRET_KEY="nothing is signed here",
    USE_TZ=True,
)
django.setup()
