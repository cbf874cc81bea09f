"""Upstream tokens at rest: AES-GCM under GRADEBENCH_ENCRYPTION_KEYS, bound to the upstream and its URL."""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.translation import gettext_noop

NONCE_BYTES = 12
VERSION = "v1"
NO_KEY = gettext_noop(
    "No key in GRADEBENCH_ENCRYPTION_KEYS (without it: encryption.key in the data folder) sealed this token. Add the "
    "old key behind the present one and run manage.py rotate_encryption_key, or enter the token again."
)


class SealBroken(ValueError):
    """A sealed secret that none of the keys opens, or that was sealed for something else."""


def _key(text: str) -> bytes:
    """32 bytes from a configured key: url-safe base64 of 32 bytes as it is, any other text through SHA-256."""
    try:
        raw = base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError):
        raw = b""
    return raw if len(raw) == 32 else hashlib.sha256(text.encode()).digest()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"gradebench key id" + key).hexdigest()[:8]


def key_id(text: str) -> str:
    """What a seal says of the configured key that made it: it tells keys apart, and nothing of the key."""
    return _key_id(_key(text))


def key_id_of(sealed: str) -> str:
    """The id of the key that made a seal; empty for what is no seal."""
    parts = sealed.split(".")
    return parts[1] if len(parts) == 3 else ""


def is_by_first_key(sealed: str) -> bool:
    """Whether the key that seals now made this seal."""
    return key_id_of(sealed) == key_id(settings.ENCRYPTION_KEYS[0])


def seal(secret: str, *, bound_to: str) -> str:
    """Encrypt with the first key. `bound_to` must be given again to open: what is sealed cannot be moved."""
    key = _key(settings.ENCRYPTION_KEYS[0])
    nonce = os.urandom(NONCE_BYTES)
    box = nonce + AESGCM(key).encrypt(nonce, secret.encode(), bound_to.encode())
    return f"{VERSION}.{_key_id(key)}.{base64.urlsafe_b64encode(box).decode()}"


def unseal(sealed: str, *, bound_to: str) -> str:
    """The secret. Raises SealBroken, with a sentence that says what to do."""
    try:
        version, sealed_by, text = sealed.split(".")
        box = base64.urlsafe_b64decode(text)
    except ValueError as error:
        raise SealBroken(
            gettext_noop("The stored token is not in a form that GradeBench writes. Enter it again.")
        ) from error
    keys = [key for key in map(_key, settings.ENCRYPTION_KEYS) if _key_id(key) == sealed_by]
    if version != VERSION or not keys:
        raise SealBroken(NO_KEY)
    try:
        return AESGCM(keys[0]).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound_to.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken(gettext_noop("The token was sealed for another upstream or URL. Enter it again.")) from error
