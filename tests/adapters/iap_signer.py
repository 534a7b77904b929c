"""A signer of assertions as by Identity-Aware Proxy, and a server of its public keys."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE = "/projects/123456789/locations/europe-west1/services/classify-request"


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Signer:
    """A key pair, and assertions that are signed with it (RFC 7515, ES256)."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_pem(self) -> str:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def assertion(self, *, header: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
        """Return an assertion that is valid except for the arguments, and for the claim that is left out."""
        now = int(time.time())
        valid = {"iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "sub": "accounts.google.com:1234"}
        claims = {**valid, "iat": now, "exp": now + 600, **claims}
        claims.pop(without, None)
        head = {"alg": "ES256", "typ": "JWT", "kid": self.key_id, **(header or {})}
        signed = f"{base64url(json.dumps(head).encode())}.{base64url(json.dumps(claims).encode())}"
        numbers = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{base64url(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


class KeyServer(ThreadingHTTPServer):
    """Serves public keys as https://www.gstatic.com/iap/verify/public_key does."""

    signer: Signer
    keys: dict[str, str]
    is_broken = False
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[KeyServer]:
        """Serve for the length of the block."""
        server = cls(("127.0.0.1", 0), _Keys)
        server.signer = Signer("key-1")
        server.keys = {"key-1": server.signer.public_pem}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Keys(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.server.requests += 1
        content = json.dumps(self.server.keys).encode()
        self.send_response(500 if self.server.is_broken else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
