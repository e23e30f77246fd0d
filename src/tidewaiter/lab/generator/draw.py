"""The one source of chance: named, seeded streams, so that adding a persona does not disturb the others."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_PAIRS = tuple(first + second for first in UPPER for second in UPPER)
_SHIFTS = range(70, -1, -10)


class Draw:
    """Random values as AWS spells them; two streams of the same keys give the same values.

    Python seeds `random.Random` from a string by SHA-512, which is the same in every version.
    """

    def __init__(self, *keys: object) -> None:
        """Open the stream that these keys name, for example `Draw(seed, "persona", "config")`."""
        self.random = random.Random(":".join(str(key) for key in keys))
        self.chance_of = self.random.random
        self.now = 0
        """The moment (milliseconds of the day) of the deed for which values are drawn."""

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        digits = f"{self.random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def hex(self, length: int) -> str:
        """Return `length` hexadecimal digits."""
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def code(self, length: int, alphabet: str = ALNUM) -> str:
        """Return `length` characters of the alphabet."""
        return "".join(self.random.choices(alphabet, k=length))

    def request(self) -> str:
        """Return a request id of S3: 16 capital letters and digits."""
        bits, pairs = self.random.getrandbits(80), _PAIRS
        return "".join([pairs[bits >> shift & 1023] for shift in _SHIFTS])

    def opaque(self, octets: int) -> str:
        """Return base64 text of that many random bytes (session tokens, S3's extended request id)."""
        return base64.b64encode(self.random.randbytes(octets)).decode()

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.random.random() * len(options))]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options, or all of them when there are fewer."""
        return self.random.sample(options, min(count, len(options)))

    def between(self, low: float, high: float) -> float:
        """Return a number between the two, evenly spread."""
        return self.random.uniform(low, high)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with that probability."""
        return self.random.random() < probability


def fixed_code(length: int, alphabet: str, *keys: object) -> str:
    """Return an identifier that depends on nothing but its keys: the same thing keeps the same id."""
    number = int.from_bytes(blake2b("\0".join(str(key) for key in keys).encode(), digest_size=32).digest())
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(alphabet))
        letters.append(alphabet[index])
    return "".join(letters)
