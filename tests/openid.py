"""A small OpenID Connect provider on loopback: discovery, token, userinfo and keys, as the standard has them."""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.loopback import Handler, Loopback

CLIENT_ID, CLIENT_SECRET, CODE, ACCESS = "gradebench", "a secret of the client", "one-code", "one-access-token"


class Provider(Loopback):
    """`claims` are what it says of who signed in there; `challenge` is what the browser brought for the code."""

    def __init__(self, claims: dict[str, Any]) -> None:
        super().__init__()
        self.claims = claims
        self.said_of_id: dict[str, Any] = {}
        self.challenge = ""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = self.url

    def authorize(self, url: str) -> dict[str, str]:
        """She signs in at `url`; what comes back with her."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        self.challenge = asked["code_challenge"]
        return {"code": CODE, "state": asked["state"]}

    def token(self, posted: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Trade the code, once it is shown who asks."""
        digest = hashlib.sha256(posted.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge
        if not proved or posted.get("client_secret") != CLIENT_SECRET or posted.get("code") != CODE:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, **self.claims, **self.said_of_id}
        id_token = jwt.encode(said, self.key, algorithm="RS256", headers={"kid": "1"})
        return 200, {"access_token": ACCESS, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}

    @property
    def configuration(self) -> dict[str, Any]:
        """What a client may know."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }


class _Handler(Handler[Provider]):
    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, self.owner.configuration)
        elif self.path == "/userinfo" and self.headers["Authorization"] == f"Bearer {ACCESS}":
            self._answer(200, self.owner.claims)
        elif self.path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.owner.key.public_key()))
            self._answer(200, {"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        posted = {name: values[0] for name, values in parse_qs(text).items()}
        self._answer(*self.owner.token(posted) if self.path == "/token" else (404, {}))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


Provider.handler = _Handler
