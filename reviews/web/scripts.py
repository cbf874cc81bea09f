"""The scripts of a page as one file: small ones to write, one to load.

Each of them is a module that imports and exports nothing, so that a block of its own keeps its names apart.
"""

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from django import template
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

FOLDER = Path(__file__).resolve().parent.parent / "static" / "reviews"
NAME = re.compile(r"[a-z_]+")
BETWEEN = "+"
FOREVER = "public, max-age=31536000, immutable"

register = template.Library()


@register.simple_tag
def scripts(*names: str) -> str:
    """The address of these scripts as one, new whenever one of them is: `{% scripts "keys" "edit" %}`."""
    together = BETWEEN.join(names)
    return reverse("scripts", args=[_digest(_text(together)), together])


@login_not_required
@require_safe
def joined(request: HttpRequest, digest: str, names: str) -> HttpResponse:
    """The scripts. An address of before an upgrade gets those of now, and may not keep them."""
    text = _text(names)
    kept = FOREVER if digest == _digest(text) else "no-cache"
    return HttpResponse(text, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": kept})


@lru_cache(maxsize=16)
def _text(names: str) -> str:
    """Raises Http404 where one of them is no script of ours."""
    paths = [FOLDER / f"{name}.js" for name in names.split(BETWEEN) if NAME.fullmatch(name)]
    if len(paths) != names.count(BETWEEN) + 1 or not all(path.is_file() for path in paths):
        raise Http404
    return "".join(f"{{\n{path.read_text()}}}\n" for path in paths)


@lru_cache(maxsize=16)
def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
