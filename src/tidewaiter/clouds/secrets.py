"""Secret references: `env://NAME` and `file://PATH`. Settings hold references, never secrets.

A `Secret` does not show its value in `repr`, `str`, formats, errors or pickles; only `reveal()` gives it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from tidewaiter.core.errors import ConfigError

MOST_BYTES = 65_536
_LATER = {"keyvault": "Azure Key Vault", "aws-sm": "AWS Secrets Manager"}


class Secret:
    """A secret and the reference that led to it."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str) -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """Return the secret itself; only for the request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; pass its reference")


def read_secret(reference: str, *, setting: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """Follow the reference that `setting` holds; one line end at the end of a file is not of the secret.

    Raises:
        ConfigError: the scheme is not supported, or nothing is there. The value of a setting that is no
            reference is not repeated: it may be the secret itself.
    """
    scheme, mark, rest = reference.partition("://")
    if not mark:
        raise ConfigError(
            f"{setting} is not a reference to a secret",
            hint="settings hold no secrets: use env://NAME or file://PATH",
        )
    if scheme == "env":
        value = environ.get(rest, "")
        missing, hint = f"the variable {rest} is not set", f"set {rest} for the process"
    elif scheme == "file":
        value, missing = _of_file(Path(rest))
        hint = "check the path and that this user may read it"
    else:
        service = f" ({_LATER[scheme]})" if scheme in _LATER else ""
        hint = "use env://NAME or file://PATH"
        raise ConfigError(f"{setting}: {scheme}://{service} is not supported yet", hint=hint)
    if not value:
        raise ConfigError(f"{setting}: {missing}", hint=hint)
    return Secret(value, reference)


def _of_file(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            return "", f"{path} is larger than {MOST_BYTES} bytes, which is no secret"
        return data.decode().removesuffix("\n").removesuffix("\r"), f"{path} is empty"
    except (OSError, UnicodeDecodeError) as error:
        return "", f"{path} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
