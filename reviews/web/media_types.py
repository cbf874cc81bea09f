"""What bytes are, by how they begin; what their sender calls them does not count."""

from typing import Final

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
# In these the first four bytes count the length, or name a family.
_LATER: Final = (
    (b"RIFF", b"WEBP", "image/webp"),
    (b"RIFF", b"WAVE", "audio/wav"),
)
_BRANDS: Final = {b"avif": "image/avif", b"avis": "image/avif", b"M4A ": "audio/mp4"}


def media_type(data: bytes) -> str:
    """The type of a picture or sound that a page may show or play; empty for everything else."""
    for beginning, found in _BEGINNINGS:
        if data.startswith(beginning):
            return found
    for family, kind, found in _LATER:
        if data.startswith(family) and data[8:12] == kind:
            return found
    return _BRANDS.get(data[8:12], "") if data[4:8] == b"ftyp" else ""
