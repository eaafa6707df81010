"""Named random streams from one seed.

Each purpose of each park draws from its own stream, so that changing one park's population or one policy leaves every
other stream as it was, and a platform never changes the traffic that it is given.
"""

import hashlib

import numpy as np


def stream(seed: int, *, replication: int, park: int, name: str) -> np.random.Generator:
    """The generator of one purpose.

    Args:
        seed: the scenario's seed.
        replication: number of the repetition, from 0.
        park: the park's place in the catalogue, from 0 (not its place in the scenario).
        name: the purpose, such as `noise`.

    Returns:
        A PCG64 generator over `SeedSequence(seed, spawn_key=(replication, park, stream number))`.
    """
    number = stream_number(name)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(replication, park, number))))


def stream_number(name: str) -> int:
    """The number of a named stream: the first 64 bits of BLAKE2b, the same on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
