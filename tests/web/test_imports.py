"""What a page may need is not what every process pays for."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAID = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "gradebench.settings"
import django
django.setup()
import gradebench.urls
print(*{"markdown_it", "nh3"} & set(sys.modules))
"""


def test_nothing_is_imported_for_markdown_before_the_first_text(tmp_path: Path) -> None:
    environment = {"GRADEBENCH_DATA_DIR": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", SAID], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
