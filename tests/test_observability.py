"""What is handed to those who watch: dashboard, alerts and documentation, against what /metrics says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.db import OperationalError
from django.test import Client
from django.urls import get_resolver
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from gradebench import outages
from reviews.web import metrics
from tests.instances import ROOT
from tests.test_documentation import anchors
from tests.web.sync_scene import pushed, refusal

# The same on both databases: once is enough.
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

DOCUMENTATION = ROOT / "docs" / "observability.md"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
NAME = re.compile(r"\bgradebench_[a-z_]+\b")
SELECTOR = re.compile(r"(\w+)(?:\{([^}]*)\})?")
# What Prometheus puts on by itself.
OURS_NOT = {"instance", "job"}


@pytest.fixture
def told(settings: Settings) -> dict[str, set[str]]:
    """The names of /metrics, each with its labels, once something of everything has happened."""
    settings.METRICS_TOKEN = "x"
    made = pushed()
    upstream = made.completions[0].upstream
    assert upstream is not None
    refusal(upstream)
    Client().get("/api/v1/feedback")
    outages.outage_of(OperationalError("gone"))
    metrics.forget()
    text = Client().get("/metrics", headers={"Authorization": "Bearer x"}).content.decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_every_expression_names_figures_and_labels_that_there_are(told: dict[str, set[str]]) -> None:
    seen = 0
    for expression in expressions():
        named = NAME.findall(expression)
        assert named or "up{" in expression, expression
        for name in named:
            assert name in told, expression
        for name, inside in re.findall(r"(gradebench_\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)\s*[=!]~?", inside)) <= told[name], expression
        grouped = {
            label.strip() for part in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in part.split(",")
        }
        assert grouped <= set().union(*(told[name] for name in named)) | OURS_NOT, expression
        seen += 1
    assert seen > 40


def test_every_route_that_is_asked_for_or_left_out_is_there() -> None:
    routes = get_resolver().reverse_dict
    selected = [named for text in expressions() for named in re.findall(r'\broute\s*(?:=|!=|=~|!~)\s*"([^"]*)"', text)]
    assert selected
    for names in selected:
        assert [name for name in names.split("|") if name not in routes] == [], names


def test_what_takes_long_by_its_nature_is_not_called_slow() -> None:
    [slow] = [rule["expr"] for rule in RULES if rule["alert"] == "GradeBenchSlow"]
    left_out = set(re.findall(r'route!~"([^"]*)"', slow)[0].split("|"))
    assert {"audit_export", "job_download", "api_completions_bulk"} <= left_out


def test_legends_and_sentences_name_labels_that_there_are(told: dict[str, set[str]]) -> None:
    known = set().union(*told.values()) | OURS_NOT
    texts = [text for rule in RULES for text in rule["annotations"].values()]
    texts += [target["legendFormat"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    for text in texts:
        named = re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text.replace("$value", ""))
        assert set(named) <= known, text


def test_every_alert_says_what_it_is_and_where_to_read_on() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 10
    for rule in RULES:
        said = rule["annotations"]
        assert said["summary"], rule
        assert said["description"], rule
        assert rule["labels"]["severity"] in ("page", "ticket")
        page, _, anchor = said["runbook"].partition("#")
        assert anchor == rule["alert"].lower()
        assert anchor in anchors(ROOT / page)


def test_every_figure_is_in_the_documentation_and_no_other(told: dict[str, set[str]]) -> None:
    table = DOCUMENTATION.read_text().partition("| figure |")[2].partition("\n\n")[0]
    documented: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        names, labels = line.split("|")[1:3]
        documented |= {name: set(re.findall(r"\w+", labels)) for name in NAME.findall(names)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name): labels - {"le"} for name, labels in told.items()}
    assert documented == families


def test_the_dashboard_shows_first_what_is_watched_first() -> None:
    first = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "stat"][:4]
    assert first == ["Oldest push on its way", "Last pull", "Last sweep", "Requests that fail"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_prometheus_asks_as_metrics_wants_to_be_asked() -> None:
    read = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    [scrape] = read["scrape_configs"]
    assert (scrape["metrics_path"], scrape["authorization"]["type"]) == ("/metrics", "Bearer")
    assert all((ROOT / "deploy" / name).exists() for name in read["rule_files"])
