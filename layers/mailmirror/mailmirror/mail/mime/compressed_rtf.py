"""Compressed RTF, as Microsoft's programs keep it (MS-OXRTFCP)."""

import struct

from mailmirror.domain.limits import MAX_RTF_BYTES

_HEADER = struct.Struct("<II4sI")
_BEGINNING = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern"
    b" \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
    b"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the dictionary begins with (2.1.2.1)."""
_WINDOW = 4096
_SHORTEST = 2


def decompress(data: bytes) -> bytes:
    """Return the RTF; of data that is cut, its beginning.

    Raises:
        ValueError: it is not in this format, or too long.
    """
    if len(data) < _HEADER.size:
        raise ValueError("no header")
    _, size, kind, _ = _HEADER.unpack_from(data)
    if size > MAX_RTF_BYTES:
        raise ValueError("too long")
    if kind == b"MELA":  # stored as it is
        return data[_HEADER.size : _HEADER.size + size]
    if kind != b"LZFu":
        raise ValueError("an unknown kind")
    return _decompressed(data, size)


def _decompressed(data: bytes, size: int) -> bytes:
    text = bytearray(_BEGINNING)
    end, position = len(text) + size, _HEADER.size
    while position < len(data):
        control = data[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                text += data[position : position + 1]
                position += 1
                continue
            if position + 2 > len(data):
                return bytes(text[len(_BEGINNING) : end])
            reference = int.from_bytes(data[position : position + 2])
            position += 2
            distance = (len(text) - (reference >> 4)) % _WINDOW
            if distance == 0:  # the mark of the end
                return bytes(text[len(_BEGINNING) : end])
            for _ in range((reference & 0xF) + _SHORTEST):
                text += text[-distance : len(text) - distance + 1]
        if len(text) >= end:
            break
    return bytes(text[len(_BEGINNING) : end])
