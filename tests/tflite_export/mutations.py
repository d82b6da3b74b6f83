"""Damaged copies of a .tflite file: what a broken download, a foreign tool or a fuzzer makes of it."""

import random
import struct

_WORDS = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """One mutation of a kind drawn at random; words and blocks are aligned, as the format's fields are."""
    data = bytearray(content)
    kind = rng.choice(("bytes", "bytes", "words", "words", "words", "cut", "zeros", "copy"))
    if kind == "bytes":
        for _ in range(rng.choice((1, 4, 32, 256))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == "words":
        for _ in range(rng.choice((1, 2, 8, 64))):
            value = rng.choice((*_WORDS, rng.getrandbits(32), rng.randrange(len(data))))
            struct.pack_into("<I", data, 4 * rng.randrange(len(data) // 4), value)
    elif kind == "cut":
        del data[rng.randrange(len(data)) :]
    else:
        size = 4 * rng.randrange(1, 64)
        start, source = (4 * rng.randrange((len(data) - size) // 4) for _ in range(2))
        data[start : start + size] = bytes(size) if kind == "zeros" else data[source : source + size]
    return bytes(data)
