"""Raw mail as it is stored: compressed by zstd, and known by its SHA-256."""

import hashlib

from backports import zstd


def pack(raw: bytes) -> bytes:
    return zstd.compress(raw, level=3)


def unpack(packed: bytes, sha256: str) -> bytes:
    """Return the bytes that were packed.

    Raises:
        KeyError: these are other bytes than the ones with this SHA-256, which are lost.
    """
    try:
        raw = zstd.decompress(packed)
    except (zstd.ZstdError, MemoryError, TypeError) as error:
        raise KeyError(sha256) from error
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise KeyError(sha256)
    return raw
