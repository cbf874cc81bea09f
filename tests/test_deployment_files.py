"""What sets GradeBench up and deploys it, checked without a container engine: the files are read, and the commands
in them are run as they stand. Whole instances on PostgreSQL run them too, see `tests/instances.py`.
"""

import json
import os
import re
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradebench.version import VERSION
from tests.instances import ROOT, compose_command, encryption_key

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

SECRET_NAME = re.compile("SECRET|PASSWORD|KEY|TOKEN")


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined, comments left out."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def production(tmp_path: Path) -> dict[str, str]:
    """The environment of a production process whose servers are away."""
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": secrets.token_urlsafe(50),
        "GRADEBENCH_ENCRYPTION_KEYS": encryption_key(),
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": "postgres://gradebench:away@127.0.0.1:1/gradebench",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "GRADEBENCH_DATA_DIR": str(tmp_path),
        "GRADEBENCH_STATIC_ROOT": str(tmp_path / "static"),
    }


def run(words: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run one of this environment's programs in the project's folder."""
    program = str(Path(sys.executable).parent / words[0])
    return subprocess.run(
        [program, *words[1:]], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_gunicorn_takes_the_command_of_web(tmp_path: Path) -> None:
    done = run([*compose_command("web"), "--check-config"], production(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", ["worker", "beat"])
def test_celery_takes_the_command(service: str, tmp_path: Path) -> None:
    done = run([*compose_command(service), "--help"], production(tmp_path))
    assert done.returncode == 0, done.stderr


def test_celery_knows_the_tasks_that_beat_calls(tmp_path: Path) -> None:
    script = (
        "import json, gradebench; app = gradebench.celery_app; app.loader.import_default_modules(); "
        "print(json.dumps([[e['task'] for e in app.conf.beat_schedule.values()], sorted(app.tasks)]))"
    )
    done = run(["python", "-c", script], production(tmp_path) | {"DJANGO_SETTINGS_MODULE": "gradebench.settings"})
    assert done.returncode == 0, done.stderr
    scheduled, known = json.loads(done.stdout)
    assert scheduled
    assert set(scheduled) <= set(known)


@pytest.mark.parametrize("missing", ["SECRET_KEY", "GRADEBENCH_ENCRYPTION_KEYS"])
def test_production_refuses_to_start_without_its_secrets(missing: str, tmp_path: Path) -> None:
    env = production(tmp_path)
    del env[missing]
    done = run(["gunicorn", "gradebench.wsgi", "--check-config"], env)
    assert done.returncode != 0
    assert f"Set {missing}" in done.stderr


def test_production_passes_the_checks_of_a_deployment(tmp_path: Path) -> None:
    done = run(["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"], production(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues (0 silenced)" in done.stdout


def test_production_takes_each_of_its_secrets_from_a_file(tmp_path: Path) -> None:
    oidc = {"GRADEBENCH_OIDC_ISSUER": "https://login.acme.example", "GRADEBENCH_OIDC_CLIENT_ID": "gradebench"}
    own = {"GRADEBENCH_METRICS_TOKEN": "watching", "GRADEBENCH_OIDC_CLIENT_SECRET": "told to nobody"}
    env = production(tmp_path) | oidc | own
    values = {}
    for name in ("SECRET_KEY", "GRADEBENCH_ENCRYPTION_KEYS", "DATABASE_URL", "REDIS_URL", *own):
        values[name] = env.pop(name)
        (tmp_path / name).write_text(f"{values[name]}\n")
        env[f"{name}_FILE"] = str(tmp_path / name)
    script = (
        "import json; from gradebench import settings as s; print(json.dumps([s.SECRET_KEY, s.ENCRYPTION_KEYS, "
        "s.DATABASES['default']['PORT'], s.CELERY_BROKER_URL, s.METRICS_TOKEN, "
        "s.SOCIALACCOUNT_PROVIDERS['openid_connect']['APPS'][0]['secret'], s.EMBEDDED, s.ENCRYPTION_KEY_FILE]))"
    )
    done = run(["python", "-c", script], env)
    assert done.returncode == 0, done.stderr
    first, keys, *others = json.loads(done.stdout)
    assert (first, keys) == (values["SECRET_KEY"], [values["GRADEBENCH_ENCRYPTION_KEYS"]])
    assert others == [1, "redis://127.0.0.1:1/0", "watching", "told to nobody", False, None]


def test_production_says_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    wrong = {"ALLOWED_HOSTS": "*", "REDIS_URL": "", "DEBUG": "on", "SECRET_KEY": "changeme"}
    done = run(["gunicorn", "gradebench.wsgi", "--check-config"], production(tmp_path) | wrong)
    assert done.returncode != 0
    assert all(name in done.stderr for name in wrong)
    assert "changeme" not in done.stderr


def test_the_production_settings_pass_djangos_own_check(tmp_path: Path) -> None:
    done = run(["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"], production(tmp_path))
    assert done.returncode == 0, done.stderr


def test_the_image_does_not_run_as_root_and_an_engine_can_see_it() -> None:
    users = [rest for word, rest in dockerfile() if word == "USER"]
    assert users == ["10001:10001"]
    assert any("--uid 10001" in rest for word, rest in dockerfile() if word == "RUN")


def test_the_image_says_what_it_is() -> None:
    labels = " ".join(rest for word, rest in dockerfile() if word == "LABEL")
    assert f'org.opencontainers.image.version="{VERSION}"' in labels


def test_every_stage_begins_with_the_same_image_which_has_a_tag() -> None:
    bases = {rest.partition(" AS ")[0] for word, rest in dockerfile() if word == "FROM"}
    assert len(bases) == 1
    assert re.fullmatch(r"python:\d+\.\d+-\S+", bases.pop())


def test_the_image_keeps_nothing_that_only_its_making_needs() -> None:
    stages = "\n".join(f"{word} {rest}" for word, rest in dockerfile()).split("FROM ")[1:]
    assert "PIP_NO_CACHE_DIR=1" in stages[0]
    assert "pip" not in stages[-1]


def test_the_image_runs_what_compose_runs() -> None:
    [command] = [rest for word, rest in dockerfile() if word == "CMD"]
    assert json.loads(command) == compose_command("web")


def test_the_image_is_made_of_files_that_are_there_and_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [rest for word, rest in dockerfile() if word == "COPY" and not rest.startswith("--from=")]
    copied = {source for rest in copies for source in rest.split()[:-1]}
    assert copied == let_through
    for name in copied:
        assert (ROOT / name).exists(), f"the Dockerfile copies {name}"


def test_the_image_holds_no_secret() -> None:
    for word, rest in dockerfile():
        assert word not in ("ENV", "ARG") or not SECRET_NAME.search(rest)


@pytest.mark.parametrize(
    "name", ["bin/venv", "bin/chromium", "bin/faketime", "bin/nginx", "bin/foreground.py", ".ci/run", "manage.py"]
)
def test_a_script_may_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & stat.S_IXUSR


@pytest.fixture
def stubs(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """An environment whose PATH begins with stand-ins: `stubs(id="echo 1000")`, each a line of shell."""

    def make(**scripts: str) -> dict[str, str]:
        folder = tmp_path / "stubs"
        folder.mkdir(exist_ok=True)
        for name, line in scripts.items():
            program = folder / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{line}\n")
            program.chmod(0o755)
        return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path)}

    return make


Stubs = Callable[..., dict[str, str]]
# A python3 that cannot make virtual environments until the file "installed" is there: Debian's without python3-venv.
WITHOUT_VENV = f'case "$*" in *ensurepip*) [ -e "$HOME/installed" ] || exit 1;; esac; exec {sys.executable} "$@"'


def bootstrap(env: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A requirements file that installs nothing, so that no registry is asked."""
    path = tmp_path / "nothing.txt"
    path.write_text("# nothing\n")
    return path


def test_without_python3_venv_a_user_is_told_the_one_command(stubs: Stubs, nothing: Path, tmp_path: Path) -> None:
    done = bootstrap(stubs(python3=WITHOUT_VENV, id="echo 1000"), "bin/venv", f"{tmp_path}/venv", str(nothing))
    assert done.returncode == 1
    assert "sudo apt-get install -y python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_without_python3_venv_root_gets_it(stubs: Stubs, nothing: Path, tmp_path: Path) -> None:
    env = stubs(python3=WITHOUT_VENV, id="echo 0", apt_get='echo "$@" >>"$HOME/said"; touch "$HOME/installed"')
    done = bootstrap(env, "bin/venv", f"{tmp_path}/venv", str(nothing))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said").read_text() == "update\ninstall -y python3-venv\n"
    assert (tmp_path / "venv" / "bin" / "pip").exists()


def test_an_old_python_is_refused(stubs: Stubs, nothing: Path, tmp_path: Path) -> None:
    env = stubs(python3='case "$*" in -V) echo Python 3.9.2;; *) exit 1;; esac')
    done = bootstrap(env, "bin/venv", f"{tmp_path}/venv", str(nothing))
    assert done.returncode == 1
    assert "Python 3.11 or newer; python3 is Python 3.9.2" in done.stderr


def test_an_environment_is_made_once_and_anew_after_an_interruption(
    stubs: Stubs, nothing: Path, tmp_path: Path
) -> None:
    words = ("bin/venv", f"{tmp_path}/venv", str(nothing))
    assert "Installing" in bootstrap(stubs(), *words).stderr
    marker = tmp_path / "venv" / "kept"
    marker.touch()
    assert bootstrap(stubs(), *words).stderr == ""

    nothing.write_text("# still nothing\n")
    assert "Installing" in bootstrap(stubs(), *words).stderr
    assert marker.exists()

    (tmp_path / "venv" / ".unfinished").touch()
    assert "left unfinished" in bootstrap(stubs(), *words).stderr
    assert not marker.exists()
    assert bootstrap(stubs(), *words).stderr == ""


def test_an_environment_whose_python_is_gone_is_made_anew(stubs: Stubs, nothing: Path, tmp_path: Path) -> None:
    words = ("bin/venv", f"{tmp_path}/venv", str(nothing))
    bootstrap(stubs(), *words)
    python = tmp_path / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert bootstrap(stubs(), *words).returncode == 0
    assert bootstrap(stubs(), str(python), "-c", "").returncode == 0


def test_an_install_that_fails_is_tried_again(stubs: Stubs, nothing: Path, tmp_path: Path) -> None:
    nothing.write_text(f"{tmp_path}/there-is-no-such-package.whl\n")
    words = ("bin/venv", f"{tmp_path}/venv", str(nothing))
    assert bootstrap(stubs(), *words).returncode == 1
    nothing.write_text("# nothing\n")
    assert bootstrap(stubs(), *words).returncode == 0


def test_without_chromium_a_user_is_told_the_one_command(stubs: Stubs) -> None:
    # Only what the script itself needs: a PATH without any browser, and no /usr/bin/chromium by another name.
    script = (ROOT / "bin" / "chromium").read_text().replace("/usr/bin/chromium ", "")
    env = stubs(id="echo 1000")
    done = bootstrap(env | {"PATH": env["PATH"].partition(":")[0]}, "/bin/sh", "-c", script)
    assert done.returncode == 1
    assert "sudo apt-get install -y chromium" in done.stderr


def test_without_faketime_a_user_is_told_the_one_command(stubs: Stubs) -> None:
    # As above, for a library.
    script = (ROOT / "bin" / "faketime").read_text().replace("/usr/lib/", "/nowhere/")
    done = bootstrap(stubs(id="echo 1000"), "/bin/sh", "-c", script)
    assert done.returncode == 1
    assert "sudo apt-get install -y faketime" in done.stderr


def test_without_nginx_a_user_is_told_the_one_command(stubs: Stubs) -> None:
    # As above, for a program that is unpacked.
    script = (ROOT / "bin" / "nginx").read_text().replace("/usr/sbin/nginx", "/nowhere/nginx")
    done = bootstrap(stubs(apt_get="exit 1"), "/bin/sh", "-c", script)
    assert done.returncode == 1
    assert "sudo apt-get install -y nginx" in done.stderr
