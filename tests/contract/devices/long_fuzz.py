"""Damage frames at random and see what becomes of those behind them.

`python tests/contract/devices/long_fuzz.py --frames 1000000`. Each damaged frame is followed by an intact one with a
number of its own. Both go in at once; the intact one must come out, at once or later, exactly as it was sent.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract.devices import gb26875, hj212
from contract.devices.fault import Deviations, Fault, ProtocolError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
HJ212 = [frame.encode() for frame in VECTORS["hj212_2017"]]
GB26875 = [bytes.fromhex(vector["hex"]) for vector in VECTORS["gb26875_3"]]
ALPHABETS = {"hj212": b"#0123456789;=&,\r\nQNCPab\x00\xff", "gb26875": b"@#\x00\x01\x02\x20\xff"}


def change_bytes(frame: bytearray, rng: random.Random, alphabet: bytes) -> None:
    """One to four bytes become others."""
    for _ in range(rng.randint(1, 4)):
        frame[rng.randrange(len(frame))] = rng.choice(alphabet) if rng.random() < 0.5 else rng.randrange(256)


def flip_bit(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """One bit flips."""
    frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)


def insert(frame: bytearray, rng: random.Random, alphabet: bytes) -> None:
    """Up to twelve bytes come in."""
    place = rng.randrange(len(frame) + 1)
    frame[place:place] = bytes(rng.choice(alphabet) for _ in range(rng.randint(1, 12)))


def delete(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """Up to twelve bytes are lost."""
    place = rng.randrange(len(frame))
    del frame[place : place + rng.randint(1, 12)]


def truncate(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """The end is lost."""
    del frame[rng.randrange(len(frame)) :]


def repeat(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """A part comes twice."""
    place = rng.randrange(len(frame))
    part = frame[place : place + rng.randint(2, 60)]
    frame[place:place] = part


def damage_length(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """The length field tells another length."""
    if frame[:2] == b"##":
        frame[2:6] = b"%04d" % rng.randrange(10_000)
    elif len(frame) > 26:
        frame[24:26] = rng.randrange(1200).to_bytes(2, "little")


def exchange(frame: bytearray, rng: random.Random, _: bytes) -> None:
    """Two bytes change places."""
    one, other = rng.randrange(len(frame)), rng.randrange(len(frame))
    frame[one], frame[other] = frame[other], frame[one]


DAMAGES: tuple[Callable[[bytearray, random.Random, bytes], None], ...] = (
    change_bytes,
    flip_bit,
    insert,
    delete,
    truncate,
    repeat,
    damage_length,
    exchange,
)


def damaged(frame: bytes, rng: random.Random, alphabet: bytes) -> bytes:
    """A frame after one damage, sometimes two."""
    changed = bytearray(frame)
    for _ in range(1 if rng.random() < 0.8 else 2):
        if changed:
            rng.choice(DAMAGES)(changed, rng, alphabet)
    return bytes(changed)


def hj212_intact(number: int, rng: random.Random) -> bytes:
    """A vector with a QN of its own."""
    segment = rng.choice(HJ212)[6:-6]
    return hj212.build(b"QN=%017d" % number + segment[20:])


def gb26875_intact(number: int, rng: random.Random) -> bytes:
    """A vector with a serial number and a source of its own."""
    frame = gb26875.Framer().feed(rng.choice(GB26875))[0]
    assert isinstance(frame, gb26875.Frame)
    return frame._replace(serial=number & 0xFFFF, source=number).to_bytes()


def hj212_read(frame: Any, deviations: Deviations) -> None:  # noqa: ANN401 - either protocol's
    """All the way to a message."""
    hj212.decode(hj212.parse(frame, deviations), deviations)


def gb26875_read(frame: Any, deviations: Deviations) -> None:  # noqa: ANN401 - either protocol's
    """All the way to objects, and their times."""
    for one in gb26875.decode(frame.unit, deviations):
        if hasattr(one, "time"):
            one.time.time_ms()


PROTOCOLS: dict[str, tuple[Any, list[bytes], Callable[..., bytes], Callable[..., None]]] = {
    "hj212": (hj212.Framer, HJ212, hj212_intact, hj212_read),
    "gb26875": (gb26875.Framer, GB26875, gb26875_intact, gb26875_read),
}


def run(protocol: str, frames: int, seed: int) -> Counter[str]:
    """Damage so many frames.

    Returns:
        counts: `damaged`; of the intact ones `found at once`, `found later`, `lost`; `taken for good` (damaged ones
        that came out as frames), `refused by the parser`, `bytes of damaged frames`, `bytes passed over`, faults.
    """
    rng = random.Random(seed)  # noqa: S311 - damage, no secret
    make_framer, vectors, intact, read = PROTOCOLS[protocol]
    framer, deviations, counts = make_framer(), Deviations(), Counter[str](damaged=frames)
    awaited: dict[bytes, int] = {}
    for number in range(frames):
        bad = damaged(rng.choice(vectors), rng, ALPHABETS[protocol])
        good = intact(number, rng)
        awaited[good] = number
        counts["bytes of damaged frames"] += len(bad)
        for came in framer.feed(bad + good):
            account(came, awaited, number, counts, reader=(read, deviations))
    for came in framer.abandon():
        account(came, awaited, frames, counts, reader=(read, deviations))
    counts["lost"] = len(awaited)
    counts["bytes passed over"] = framer.skipped_bytes
    return counts


def account(
    came: Any,  # noqa: ANN401 - either protocol's frame, or a fault
    awaited: dict[bytes, int],
    now: int,
    counts: Counter[str],
    *,
    reader: tuple[Callable[..., None], Deviations],
) -> None:
    """Count one thing that came out; only the typed error may come of reading it."""
    if isinstance(came, Fault):
        counts[f"fault {came.kind}"] += 1
        return
    number = awaited.pop(came.to_bytes(), None)
    if number is None:
        counts["taken for good"] += 1
    else:
        counts["found at once" if number == now else "found later"] += 1
    try:
        read, deviations = reader
        read(came, deviations)
    except ProtocolError:
        counts["refused by the parser"] += 1


def main() -> int:
    """Run both protocols and print the counts as JSON; 1 if an intact frame was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000, help="damaged frames, both protocols together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lost = 0
    for protocol in PROTOCOLS:
        begin = time.process_time()
        counts = run(protocol, options.frames // len(PROTOCOLS), options.seed)
        lost += counts["lost"]
        told = {"protocol": protocol, "seed": options.seed, "cpu_s": round(time.process_time() - begin, 1), **counts}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
