"""The lab's signing key, and the access tokens that it signs: JWTs with RS256 (RFC 7515, RFC 7519)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tidewaiter.core.errors import Location, StateError
from tidewaiter.lab.server.files import write_private

LIFETIME = timedelta(seconds=3599)


class InvalidToken(Exception):
    """A token that the lab does not take; the message says why."""


class Claims(msgspec.Struct, frozen=True):
    """What a token of the v1 kind says, as Entra issues them to Azure's own services."""

    aud: str
    iss: str
    iat: int
    nbf: int
    exp: int
    appid: str
    oid: str
    tid: str
    sub: str
    uti: str
    ver: str = "1.0"
    idtyp: str = "app"


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""
    typ: str = "JWT"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key with its id."""

    key: RSAPrivateKey
    id: str

    @classmethod
    def open(cls, path: Path) -> SigningKey:
        """Read the key from `path`, or make one there, readable by its owner alone.

        Raises:
            StateError: the file is no key.
        """
        if not path.exists():
            made = generate_private_key(public_exponent=65537, key_size=2048)
            form = serialization.PrivateFormat.PKCS8
            pem = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
            write_private(path, pem)
        try:
            # We wrote it, and proving a key sound takes longer than opening the lab.
            key = serialization.load_pem_private_key(
                path.read_bytes(), None, unsafe_skip_rsa_key_validation=True
            )
        except ValueError:
            key = None
        if not isinstance(key, RSAPrivateKey):
            hint = "remove it: the lab makes another one, and clients ask for new tokens"
            raise StateError("is no RSA key", at=Location(str(path)), hint=hint)
        numbers = key.public_key().public_numbers()
        return cls(key, _text(numbers.n.to_bytes(256, "big")[:15]))

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JSON Web Key (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()
        modulus = _text(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
        exponent = _text(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big"))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": modulus, "e": exponent}

    def sign(self, claims: Claims) -> str:
        """Return the token."""
        header = msgspec.json.encode(_Header("RS256", self.id))
        signed = f"{_text(header)}.{_text(msgspec.json.encode(claims))}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_text(signature)}"

    def verify(self, token: str, *, audiences: tuple[str, ...], issuer: str, now: datetime) -> Claims:
        """Return the claims of a token that holds.

        Raises:
            InvalidToken: another signature, algorithm, issuer or audience, or past its time.
        """
        signed, _, signature = token.rpartition(".")
        header, _, body = signed.partition(".")
        try:
            if msgspec.json.decode(_bytes(header), type=_Header).alg != "RS256":
                raise InvalidToken("the algorithm is not RS256")
            self.key.public_key().verify(
                _bytes(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims = msgspec.json.decode(_bytes(body), type=Claims)
        except (InvalidSignature, ValueError, RecursionError, msgspec.DecodeError):
            raise InvalidToken("the signature is not the lab's") from None
        if claims.iss != issuer:
            raise InvalidToken(f"the issuer is {claims.iss}")
        if claims.aud.rstrip("/") not in audiences:
            raise InvalidToken(f"the audience is {claims.aud}")
        if not claims.nbf - 300 <= now.timestamp() < claims.exp:
            raise InvalidToken("the token has expired" if now.timestamp() >= claims.exp else "not yet valid")
        return claims


def claims_of(
    *, client: str, object_id: str, tenant: str, audience: str, now: datetime, lifetime: timedelta = LIFETIME
) -> Claims:
    """Return the claims of a token for a client, issued now."""
    at = int(now.timestamp())
    return Claims(
        aud=audience,
        iss=issuer_of(tenant),
        iat=at,
        nbf=at,
        exp=at + int(lifetime.total_seconds()),
        appid=client,
        oid=object_id,
        tid=tenant,
        sub=object_id,
        uti=_text(uuid4().bytes),
    )


def issuer_of(tenant: str) -> str:
    """Return the issuer of v1 tokens ("Access token claims reference", Microsoft identity platform, 2025)."""
    return f"https://sts.windows.net/{tenant}/"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
