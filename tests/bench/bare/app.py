"""The floor, served: as a WSGI application for gunicorn, and by waitress on SQLite (`python -m tests.bench.bare.app`).

What it does not do is what the ratio shows: no sessions, no tokens, no checks, no claim that runs out, no audit, no
outbox, no tags, no search.
"""

import gc
import sys

import orjson
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from waitress import serve

import tests.bench.bare.setup  # noqa: F401 - configures Django
from tests.bench.bare.models import Item
from tests.bench.generator import Generator, uid

LISTED, CANDIDATES, THREADS = 50, 20, 8


def create(request: HttpRequest) -> HttpResponse:
    """Keep the body, and answer with it, as Log10's API does."""
    _made(request.body).save(force_insert=True)
    return HttpResponse(request.body, content_type="application/json")


def bulk(request: HttpRequest) -> HttpResponse:
    """A line each."""
    rows = [_made(line) for line in request.body.splitlines()]
    Item.objects.bulk_create(rows, batch_size=500)
    return JsonResponse({"created": len(rows)})


def listed(request: HttpRequest) -> HttpResponse:
    """The newest, with a line of their text."""
    rows = Item.objects.order_by("-received_at").values("id", "uid", "preview", "received_at", "grade")[:LISTED]
    return HttpResponse(orjson.dumps(list(rows)), content_type="application/json")


def claim(request: HttpRequest) -> HttpResponse:
    """The next free item, taken by one conditional update."""
    reviewer = int(request.GET["reviewer"])
    free = Item.objects.filter(reviewer=None)
    while ids := list(free.order_by("id").values_list("id", flat=True)[:CANDIDATES]):
        for pk in ids:
            if free.filter(pk=pk).update(reviewer=reviewer):
                data = Item.objects.values_list("data", flat=True).get(pk=pk)
                return HttpResponse(bytes(data), content_type="application/json", headers={"X-Item": str(pk)})
    return HttpResponse(status=204)


def submit(request: HttpRequest, pk: int) -> HttpResponse:
    """The grade."""
    grade = request.body.decode()
    done = Item.objects.filter(pk=pk, reviewer=int(request.GET["reviewer"]), grade=None).update(grade=grade)
    return HttpResponse(status=200 if done else 409)


def _made(body: bytes) -> Item:
    document = orjson.loads(body)
    return Item(uid=document["id"], data=body, preview=document["request"]["messages"][0]["content"][:200])


urlpatterns = [
    path("create", create),
    path("bulk", bulk),
    path("list", listed),
    path("next", claim),
    path("submit/<int:pk>", submit),
]
application = get_wsgi_application()
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 10, 10)


def fill(many: int) -> None:
    """Make the table, with so many rows in it; the first third is graded."""
    with connection.schema_editor() as editor:
        editor.create_model(Item)
    generator = Generator()
    bodies = [generator.body(number) for number in range(min(many, 500))]
    for start in range(0, many, 2_000):
        rows = []
        for number in range(start, min(start + 2_000, many)):
            row = _made(bodies[number % len(bodies)])
            row.uid = uid(1, number)
            row.reviewer, row.grade = (0, "good") if number % 3 == 0 else (None, None)
            rows.append(row)
        Item.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    what, number = sys.argv[1], int(sys.argv[2])
    if what == "fill":
        fill(number)
    else:
        serve(application, host="127.0.0.1", port=number, threads=THREADS, ident=None)
