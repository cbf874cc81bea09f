"""docker-compose.yml, alone and with the proxy, held to the Compose specification and to what we promise of it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from gradebench import draining
from reviews.log10 import client, pushes
from tests import gunicorn_settings
from tests.instances import ROOT, compose_command
from tests.loopback import Handler, Loopback

# The same on both databases: once is enough.
pytestmark = pytest.mark.sqlite

FILES = {"alone": ("docker-compose.yml",), "with a proxy": ("docker-compose.yml", "docker-compose.proxy.yml")}
OURS = ("migrate", "web", "worker", "beat")
LASTING = ("web", "worker", "beat", "postgres", "redis", "proxy")
# Without it there is nothing to be had by it.
DISPENSABLE = ("GRADEBENCH_METRICS_TOKEN",)
SECRET_NAME = re.compile("SECRET|PASSWORD|KEY|TOKEN")
# ${NAME:?why}: compose refuses to start without it and says why.
REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")
DURATION, SIZE = re.compile(r"(\d+(us|ms|s|m|h))+"), re.compile(r"\d+(b|k|m|g|kb|mb|gb)")
# Of the specification, what there is at the top and in a service; a name that is misspelt is none of these.
TOP = {"name", "services", "volumes", "networks", "secrets", "configs"}
SERVICE = {
    *("build", "cap_add", "cap_drop", "command", "cpus", "depends_on", "environment", "healthcheck", "image", "init"),
    *("logging", "mem_limit", "networks", "pids_limit", "ports", "read_only", "restart", "secrets", "security_opt"),
    *("shm_size", "stop_grace_period", "sysctls", "tmpfs", "user", "volumes"),
}
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}

COMMANDS = {
    "migrate": "python manage.py migrate --noinput",
    "web": "gunicorn gradebench.wsgi --config python:gradebench.gunicorn_conf",
    "worker": "celery -A gradebench worker --concurrency 8 --purge --without-gossip --without-mingle",
    "beat": "celery -A gradebench beat",
}


def merged(below: Any, above: Any) -> Any:
    """One file over another, as compose does it: members are merged, lists appended, all else replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {name: merged(below[name], value) if name in below else value for name, value in above.items()}
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return above


def read(files: tuple[str, ...]) -> dict[str, Any]:
    """The project that these files make."""
    project: dict[str, Any] = {}
    for name in files:
        project = merged(project, yaml.safe_load((ROOT / name).read_text()))
    return project


@pytest.fixture(params=FILES)
def project(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Alone, and with a proxy."""
    return read(FILES[request.param])


@pytest.fixture
def services(project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name."""
    found: dict[str, dict[str, Any]] = project["services"]
    return found


def seconds(duration: str) -> int:
    """Of what is written in seconds."""
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])


def test_it_has_the_services_and_nothing_else() -> None:
    assert set(read(FILES["alone"])["services"]) == {*OURS, "postgres", "redis"}
    assert set(read(FILES["with a proxy"])["services"]) == {*OURS, "postgres", "redis", "proxy"}


@pytest.mark.parametrize("service", OURS)
def test_it_runs_the_documented_command(service: str) -> None:
    assert compose_command(service) == shlex.split(COMMANDS[service])


def test_no_name_is_misspelt(project: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert {name for name in project if not name.startswith("x-")} <= TOP
    for service in services.values():
        assert set(service) <= SERVICE
        assert set(service.get("healthcheck", {})) <= HEALTH


def test_what_is_named_is_there(project: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            assert how["condition"] != "service_healthy" or "healthcheck" in services[name]
            assert how["condition"] != "service_completed_successfully" or services[name]["restart"] == "no"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in project["volumes"] or source.startswith("$") or (ROOT / source).exists(), source
        assert set(service.get("secrets", [])) <= set(project.get("secrets", {}))
        assert set(service.get("networks", [])) <= set(project.get("networks", {}))


def test_times_and_sizes_are_written_as_the_specification_has_them(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        times = [service.get("stop_grace_period", "10s")]
        times += [service.get("healthcheck", {}).get(name, "1s") for name in ("interval", "timeout", "start_period")]
        assert all(DURATION.fullmatch(time) for time in times)
        assert SIZE.fullmatch(service["mem_limit"])
        assert isinstance(service.get("healthcheck", {}).get("retries", 3), int)


def test_every_service_has_a_limit_and_may_do_nothing_that_it_need_not(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "max-size" in service["logging"]["options"]
    assert {name for name, service in services.items() if "cap_add" in service} == {"postgres"}


def test_every_lasting_service_is_watched_and_comes_back(services: dict[str, dict[str, Any]]) -> None:
    for name in set(services) & set(LASTING):
        assert services[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert services[name]["restart"] == "unless-stopped"
    assert set(services) - set(LASTING) == {"migrate"}


def test_every_image_of_others_has_a_tag(services: dict[str, dict[str, Any]]) -> None:
    for name in set(services) - set(OURS):
        assert re.search(r":\d", services[name]["image"])


def test_it_holds_no_secret(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if name in DISPENSABLE:
                assert value == f"${{{name}:-}}", f"{name} is empty where nobody gives it"
            elif SECRET_NAME.search(name) or name in ("DATABASE_URL", "ALLOWED_HOSTS"):
                assert REQUIRED.search(value), f"{name} has to be given, and refused when it is not"
    for name in FILES["with a proxy"]:
        defaulted = re.findall(
            r"\$\{([A-Z_]*(?:SECRET|PASSWORD|KEY|TOKEN)[A-Z_]*)(?::-|-|\})", (ROOT / name).read_text()
        )
        assert set(defaulted) <= set(DISPENSABLE)


def test_our_services_wait_for_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_nothing_is_kept_but_the_database(services: dict[str, dict[str, Any]]) -> None:
    kept = {name for name, service in services.items() if "volumes" in service}
    assert kept <= {"postgres", "proxy"}
    assert all(volume.endswith(":ro") for volume in services.get("proxy", {}).get("volumes", []))


def test_the_web_is_published_on_loopback_alone_and_the_proxy_to_all() -> None:
    alone, proxied = (read(files)["services"] for files in FILES.values())
    published = {name: service["ports"] for name, service in alone.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${WEB_PORTS:-8000-8009}:8000"]}
    assert proxied["proxy"]["ports"] == ["80:80", "443:443"]


def test_every_name_of_the_environment_is_read(services: dict[str, dict[str, Any]]) -> None:
    known = "".join((ROOT / "gradebench" / name).read_text() for name in ("settings.py", "gunicorn_conf.py"))
    for service in OURS:
        for name in services[service]["environment"]:
            assert f'"{name}"' in known, f"nothing reads {name}"


def test_every_name_to_be_given_stands_in_the_example() -> None:
    example = (ROOT / "deploy" / "gradebench.env.example").read_text()
    text = (ROOT / "docker-compose.yml").read_text()
    assert {name for name in re.findall(r"\$\{([A-Z_]+):\?", text) if f"\n{name}=" not in example} == set()


def test_who_is_stopped_has_the_time_that_its_work_may_take(services: dict[str, dict[str, Any]]) -> None:
    web = gunicorn_settings.read()["graceful_timeout"] + draining.MOST_SECONDS
    assert seconds(services["web"]["stop_grace_period"]) > web
    worker = pushes.PUSH_TIME.total_seconds() + client.TOTAL_SECONDS
    assert seconds(services["worker"]["stop_grace_period"]) > worker


class Asked(Loopback):
    """What a health check asks."""

    status = 200


class _Handler(Handler[Asked]):
    def do_GET(self) -> None:
        self.send_response(self.owner.status if self.headers["Host"].startswith("127.0.0.1") else 400)
        self.end_headers()


Asked.handler = _Handler


@pytest.mark.parametrize("service", ["web", "beat"])
@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_health_check_tells_well_from_ill(service: str, status: int, code: int) -> None:
    with Asked() as asked:
        asked.status = status
        assert (
            health(service, {"127.0.0.1:8000": f"127.0.0.1:{asked.port}", "web:8000": f"localhost:{asked.port}"})
            == code
        )


def health(service: str, at: Mapping[str, str]) -> int:
    """Run the health check of a service against other addresses; its exit code."""
    how, program, *words = read(FILES["alone"])["services"][service]["healthcheck"]["test"]
    assert (how, program) == ("CMD", "python")
    for old, new in at.items():
        words = [word.replace(old, new) for word in words]
    return subprocess.run([sys.executable, *words], stderr=subprocess.DEVNULL, timeout=60, check=False).returncode
