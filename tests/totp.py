"""What an authenticator app shows (RFC 6238), written apart from what checks it."""

import base64
import hashlib
import hmac
import struct
import time


def code_of(secret: str, *, ahead: int = 0) -> str:
    """The code of now; `ahead` of 1 is the next one, which a clock half a minute ahead shows already."""
    counter = int(time.time()) // 30 + ahead
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06}"
