"""gunicorn's settings as it reads them, without what they begin for the process that reads them."""

import runpy
from typing import Any
from unittest import mock

from gradebench import shared_figures
from tests.instances import ROOT


def read() -> dict[str, Any]:
    """Names and values of gradebench/gunicorn_conf.py."""
    with mock.patch.object(shared_figures, "begin"):
        return runpy.run_path(str(ROOT / "gradebench" / "gunicorn_conf.py"))
