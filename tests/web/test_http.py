"""What every view needs of a request."""

import gc
import weakref

import pytest
from django.test import RequestFactory

from reviews.web.http import render
from tests.web.scene import scene

pytestmark = pytest.mark.django_db


class _Shown:
    """Stands for a screen with all its tokens."""

    leaves = ()


def test_what_a_page_showed_is_gone_once_it_is_drawn() -> None:
    request = RequestFactory().get("/")
    request.user = scene().user
    shown = _Shown()
    known = weakref.ref(shown)
    gc.disable()
    try:
        response = render(request, "reviews/_sent.html", {"leaves": shown.leaves, "shown": shown}, status=409)
        del shown
        assert known() is None, "It waits for the garbage to be collected."
    finally:
        gc.enable()
    assert response.status_code == 409
