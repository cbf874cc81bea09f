"""Pictures, sounds and files of a completion: given out one by one, as what they are, to whoever may read it."""

import base64
import logging
import struct
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.http import HttpResponse
from pytest_django.fixtures import Settings

from reviews.models import Completion
from reviews.web.media_types import media_type
from reviews.workflow import ingest, pictures
from tests.loopback import Handler, Loopback
from tests.web.scene import Scene, document, scene

pytestmark = pytest.mark.django_db

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = (
    b"RIFF"
    + struct.pack("<I", 36)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data\0\0\0\0"
)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def hold(made: Scene, *parts: dict[str, Any]) -> Completion:
    """A completion whose user sent these parts."""
    body = document(request={"model": "m", "messages": [{"role": "user", "content": list(parts)}]})
    return ingest.receive(made.organization, "with-media", body).completion


def ask(made: Scene, completion: Completion, number: int = 0, **asked: str) -> HttpResponse:
    return cast(HttpResponse, made.client.get(f"/completions/{completion.pk}/media/{number}", asked))


def test_it_gives_a_picture_out_as_what_it_is() -> None:
    made = scene()
    response = ask(made, hold(made, picture(data_url(PNG, "image/jpeg"))))
    assert (response.status_code, response["Content-Type"], response.content) == (200, "image/png", PNG)
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_page_names_it_and_loads_nothing_by_itself() -> None:
    made = scene()
    completion = hold(made, picture(data_url(PNG, "image/png")), picture("https://photos.example/a.jpg"))
    page = made.client.get(f"/completions/{completion.pk}").content.decode()
    assert page.count("Show the picture") == 2
    assert f'href="/completions/{completion.pk}/media/1"' in page
    assert "https://photos.example/a.jpg" in page
    assert "<img" not in page


def test_it_plays_a_sound_and_gives_a_file_as_a_file() -> None:
    made = scene()
    sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}}
    file = {
        "type": "file",
        "file": {"filename": "../../terms & more.pdf", "file_data": data_url(b"%PDF", "application/pdf")},
    }
    completion = hold(made, sound, file)
    assert ask(made, completion, 0)["Content-Type"] == "audio/wav"
    response = ask(made, completion, 1, download="1")
    assert (response.content, response["Content-Type"]) == (b"%PDF", "application/octet-stream")
    assert response["Content-Disposition"] == 'attachment; filename="terms & more.pdf"'
    assert 'preload="none"' in made.client.get(f"/completions/{completion.pk}").content.decode()


@pytest.mark.parametrize("data", [SVG, b"<html><script>alert(1)</script>", b"", b"%PDF-1.4"])
def test_it_shows_nothing_that_is_no_picture_or_sound(data: bytes) -> None:
    made = scene()
    completion = hold(made, picture(data_url(data + b" ", "image/png")))
    response = ask(made, completion)
    assert (response.status_code, response["Content-Type"]) == (415, "text/plain; charset=utf-8")
    assert ask(made, completion, download="1")["Content-Disposition"].startswith("attachment")


def test_it_says_that_data_cannot_be_read_or_is_too_large() -> None:
    made = scene()
    completion = hold(made, picture("data:image/png;base64,A"), picture("data:image/png;base64," + "A" * 15_000_000))
    assert ask(made, completion, 0).status_code == 422
    assert "larger than 10 MB" in ask(made, completion, 1).content.decode()


def test_it_reads_data_that_is_not_base64() -> None:
    made = scene()
    assert ask(made, hold(made, picture("data:image/gif,GIF89a%00")), 0).content == b"GIF89a\0"


def test_only_those_who_may_read_the_completion_get_it() -> None:
    made, other = scene("acme"), scene("other")
    completion = hold(made, picture(data_url(PNG, "image/png")))
    assert ask(other, completion).status_code == 404
    assert ask(made, completion, 1).status_code == 404
    made.client.logout()
    assert ask(made, completion).status_code == 302
    assert other.client.post(f"/completions/{completion.pk}/media/0").status_code == 405


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"ID3\3", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
        (b"RIFF\0\0\0\0AVI ", ""),
        (b"\0\0\0\x1cftypmp42", ""),
        (b"", ""),
    ],
)
def test_it_knows_bytes_by_how_they_begin(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


# --- pictures at an address ----------------------------------------------------------------------------------------


class Photos(Loopback):
    """A server with pictures: /a.png is one; /page is none, /gone is not there, /moved leads on, /big has no end, /slow
    never comes. `seen` has the headers that it was asked with.
    """

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.ended = threading.Event()
        super().__init__()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        super().__exit__()

    def at(self, path: str) -> str:
        return f"{self.url}{path}"


class _Handler(Handler[Photos]):
    def do_GET(self) -> None:
        self.owner.seen.append(dict(self.headers))
        status = {"/gone": 404, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Content-Type", "image/png")
        self.send_header("Location", self.owner.at("/a.png"))
        self.send_header("Set-Cookie", "seen=1")
        self.end_headers()
        if self.path == "/slow":
            self.owner.ended.wait(10)
        if self.path == "/big":
            for _ in range(11):
                self.wfile.write(PNG + b"\0" * 1024 * 1024)
        self.wfile.write(b"<html>" if self.path == "/page" else PNG)


Photos.handler = _Handler


@pytest.fixture
def photos() -> Iterator[Photos]:
    with Photos() as made:
        yield made


@pytest.fixture
def allowed(settings: Settings) -> None:
    settings.PICTURES_ALLOW = ["127.0.0.1"]


def test_it_fetches_a_picture_without_saying_who_asks(
    photos: Photos, allowed: None, caplog: pytest.LogCaptureFixture
) -> None:
    made = scene()
    completion = hold(made, picture(photos.at("/a.png")))
    with caplog.at_level(logging.INFO, "reviews.web.media"):
        response = ask(made, completion)
    assert (response.status_code, response["Content-Type"], response.content) == (200, "image/png", PNG)
    assert response.cookies == {}
    assert set(photos.seen[0]) & {"Cookie", "Referer", "Authorization", "X-Forwarded-For"} == set()
    said = [record.getMessage() for record in caplog.records if record.name == "reviews.web.media"]
    assert said == [f"mira-acme asks for picture 0 of completion {completion.pk}, at 127.0.0.1"]


def test_a_hundred_pictures_are_asked_for_by_nobody_until_somebody_does(photos: Photos, allowed: None) -> None:
    made = scene()
    completion = hold(made, *(picture(photos.at(f"/{number}.png")) for number in range(100)))
    page = made.client.get(f"/completions/{completion.pk}").content.decode()
    assert "<img" not in page
    assert page.count("Show the picture") == 100
    assert photos.seen == []
    assert ask(made, completion, 99).status_code == 200
    assert len(photos.seen) == 1


def test_it_reaches_no_address_that_is_not_public(photos: Photos, settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    made = scene()
    response = ask(made, hold(made, picture(photos.at("/a.png"))))
    assert (response.status_code, photos.seen) == (502, [])
    assert "not a public one" in response.content.decode()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/page", 415, "none of the kinds"),
        ("/gone", 502, "answered 404"),
        ("/moved", 502, "not followed"),
        ("/big", 502, "larger than 10 MB"),
    ],
)
def test_it_says_why_a_picture_does_not_come(photos: Photos, allowed: None, path: str, status: int, words: str) -> None:
    made = scene()
    response = ask(made, hold(made, picture(photos.at(path))))
    assert response.status_code == status
    assert words in response.content.decode()
    assert len(photos.seen) == 1


def test_it_waits_for_no_server_for_long(photos: Photos, allowed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 1.0)
    made = scene()
    response = ask(made, hold(made, picture(photos.at("/slow"))))
    assert (response.status_code, response.content) == (502, b"It did not come within 1 s.")


def test_it_fetches_two_at_a_time(photos: Photos, allowed: None) -> None:
    made = scene()
    completion = hold(made, picture(photos.at("/a.png")))
    with pictures._PLACES, pictures._PLACES:
        assert ask(made, completion).status_code == 503
    assert ask(made, completion).status_code == 200


@pytest.mark.parametrize("address", ["http://user:word@127.0.0.1/a.png", "ftp://127.0.0.1/a", "file:///etc/passwd"])
def test_it_asks_no_other_kind_of_address(address: str, allowed: None) -> None:
    with pytest.raises(pictures.PictureRefused, match="not an address"):
        pictures.fetch(address)
