"""The tables of docs/api.md, made from the description that is served.

`python -m tests.api.api_tables` rewrites them.
"""

import os
from typing import Any

import django
from django.test import Client

from tests.instances import ROOT

PAGE = ROOT / "docs" / "api.md"
SHAPES = "#/components/schemas/"


def with_tables(text: str, document: dict[str, Any]) -> str:
    """The page with its tables made anew; each stands between `<!-- name -->` and `<!-- end of name -->`."""
    for name, table in (("operations", _operations(document)), ("errors", _errors(document))):
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        after = rest.partition(f"<!-- end of {name} -->")[2]
        text = f"{before}<!-- {name} -->\n\n{table}\n\n<!-- end of {name} -->{after}"
    return text


def _operations(document: dict[str, Any]) -> str:
    groups = []
    for tag in document["tags"]:
        rows = [
            f"| {_asked(method, path, it)} | {_accepted(it)} | {_answered(it)} | {_refused(it)} |"
            for path, methods in document["paths"].items()
            for method, it in sorted(methods.items())
            if it["tags"] == [tag["name"]]
        ]
        head = "| Operation | Accepts | Answers | Errors |\n|---|---|---|---|\n"
        groups.append(f"### {tag['name']}\n\n{tag['description']}\n\n{head}" + "\n".join(rows))
    return "\n\n".join(groups)


def _errors(document: dict[str, Any]) -> str:
    rows = [f"| {status} | {it['description']} |" for status, it in document["components"]["responses"].items()]
    return "| Status | What it means |\n|---|---|\n" + "\n".join(rows)


def _asked(method: str, path: str, operation: dict[str, Any]) -> str:
    scopes = ", ".join(scope for needed in operation["security"] for scope in needed["token"])
    return f"`{method.upper()} {path}` {operation['summary']} ({scopes or 'no token'})"


def _accepted(operation: dict[str, Any]) -> str:
    named = [it for it in operation["parameters"] if "name" in it]
    said = [f"`{it['name']}`" for it in named if it["in"] == "query"]
    said += [f"header `{it['name']}`" for it in named if it["in"] == "header"]
    body = operation.get("requestBody")
    if body:
        said.append(_content(body["content"]) + ("" if body["required"] else ", or nothing"))
    return "; ".join(said) or "–"


def _answered(operation: dict[str, Any]) -> str:
    answers = {status: it for status, it in operation["responses"].items() if status < "3"}
    return "; ".join(f"{status}: {_content(it['content'])}" for status, it in answers.items()) or "–"


def _refused(operation: dict[str, Any]) -> str:
    refusals = {status: it for status, it in operation["responses"].items() if status >= "4"}
    own = [f"**{status}** {it['description']}" for status, it in refusals.items() if "$ref" not in it]
    everywhere = [status for status, it in refusals.items() if "$ref" in it]
    return " ".join([*own, ", ".join(everywhere)])


def _content(content: dict[str, Any]) -> str:
    (media_type, it), *_ = content.items()
    if "x-itemSchema" in it:
        return f"a line each: {_shape(it['x-itemSchema'])}"
    return _shape(it["schema"]) if media_type == "application/json" else f"`{media_type}`"


def _shape(schema: dict[str, Any]) -> str:
    """The names of the shapes that the page lists under this name; for others what they are made of."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(SHAPES)
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return " or ".join(map(_shape, schema[keyword]))
    if "items" in schema:
        return f"[{_shape(schema['items'])}, …]"
    data = schema.get("properties", {}).get("data")
    return f"`data`: {_shape(data)}" if data else "an object"


def main() -> None:
    """Rewrite the tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gradebench.settings")
    django.setup()
    document = Client(headers={"Host": "localhost"}).get("/api/schema").json()
    PAGE.write_text(with_tables(PAGE.read_text(), document))


if __name__ == "__main__":
    main()
