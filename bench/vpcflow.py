"""VPC flow text, mapped to NetworkSession, beside Polars' bare CSV scan of the same text, on one thread."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from bench.timing import Duel, duel
from tidewaiter.content import sources
from tidewaiter.core.objects import Chunk, SourceObject
from tidewaiter.pipeline.normalize import Normalizer
from tidewaiter.pipeline.sources.codecs import read


def text(lines: int, *, seed: int = 7) -> bytes:
    """Return flow records of the version 2 default: a few hundred hosts, one line in ten from outside."""
    draw = random.Random(seed)
    hosts = [f"10.0.{draw.randrange(16)}.{draw.randrange(1, 255)}" for _ in range(400)]
    made = []
    for _ in range(lines):
        outside = draw.random() < 0.1
        source = f"198.51.{draw.randrange(256)}.{draw.randrange(256)}" if outside else draw.choice(hosts)
        start = 1_773_705_600 + draw.randrange(86_400)
        verdict = "REJECT" if outside and draw.random() < 0.8 else "ACCEPT"
        made.append(
            f"2 111122223333 eni-{draw.getrandbits(36):017x} {source} {draw.choice(hosts)}"
            f" {draw.randrange(1024, 65536)} {draw.choice((443, 443, 53, 22))} {draw.choice((6, 6, 17))}"
            f" {draw.randrange(1, 400)} {draw.randrange(40, 400_000)} {start} {start + 60} {verdict} OK\n"
        )
    return "".join(made).encode()


def run(folder: Path, lines: int = 400_000) -> tuple[Duel, Duel]:
    """Return the mapping of the text, and of the file that holds it, against the bare scan of the text.

    The text is mapped in the chunks that the codec makes of the file; reading it from the file includes
    the codec's own checks of every line.
    """
    body = text(lines)
    path = folder / "flows.log"
    path.write_bytes(body)
    spec = sources()["aws_vpcflow"]
    normalizer = Normalizer(spec)
    item = SourceObject(path.name, path, spec.id, "events", "delimited_text", path.stat().st_size)
    chunks = list(read(item, spec.recognition))

    def mapped(given: Iterable[Chunk]) -> int:
        return sum(normalizer.normalize(chunk, object_id="bench", prefix="bench").valid for chunk in given)

    def bare() -> int:
        return pl.read_csv(body, separator=" ", has_header=False).height

    assert mapped(chunks) == bare() == lines
    return (
        duel(lambda: mapped(chunks), bare, rounds=15),
        duel(lambda: mapped(read(item, spec.recognition)), bare),
    )
