"""Charsets as mail names them, and the decoding of bytes in them."""

import codecs
import re
from itertools import chain

_SINGLE = ("cp1252",)
_KOREAN = ("cp949", "johab")
_CHINESE = ("gb18030",)
_BIG5 = ("cp950", "big5hkscs")
_ESCAPED_JIS = ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext", "cp50220")
_SHIFT_JIS = ("cp932", "shift_jisx0213")
_JIS = (*_ESCAPED_JIS, "euc_jp", "cp932")
"""Eight bits labelled ISO-2022-JP are one of the other two: EUC as Shift_JIS is half-width kana."""
_EUC_JP = ("euc_jp", "euc_jis_2004")

_CODECS: dict[str, tuple[str, ...]] = {
    "usascii": ("ascii",),
    "ascii": ("ascii",),
    "ansix341968": ("ascii",),
    "utf8": ("utf_8_sig",),
    "unicode11utf8": ("utf_8_sig",),
    # Latin-1 is read as its superset Windows-1252, as browsers do.
    "iso88591": _SINGLE,
    "latin1": _SINGLE,
    "iso2022jp": _JIS,
    "csiso2022jp": _JIS,
    "iso2022jpms": _JIS,
    "cp50220": _JIS,
    "cp50221": _JIS,
    "shiftjis": _SHIFT_JIS,
    "sjis": _SHIFT_JIS,
    "xsjis": _SHIFT_JIS,
    "mskanji": _SHIFT_JIS,
    "windows31j": _SHIFT_JIS,
    "cswindows31j": _SHIFT_JIS,
    "cp932": _SHIFT_JIS,
    "eucjp": _EUC_JP,
    "xeucjp": _EUC_JP,
    "eucjpms": _EUC_JP,
    "cp51932": _EUC_JP,
    "euckr": _KOREAN,
    "ksc56011987": _KOREAN,
    "ksc5601": _KOREAN,
    "ksc56011989": _KOREAN,
    "windows949": _KOREAN,
    "gb2312": _CHINESE,
    "gbk": _CHINESE,
    "xgbk": _CHINESE,
    "euccn": _CHINESE,
    "gb18030": _CHINESE,
    "gb231280": _CHINESE,
    "csgb2312": _CHINESE,
    "big5": _BIG5,
    "cnbig5": _BIG5,
    "xbig5": _BIG5,
    "xxbig5": _BIG5,
    "cseucpkdfmtjapanese": _EUC_JP,
    "cseuckr": _KOREAN,
    "csksc56011987": _KOREAN,
    "isoir149": _KOREAN,
    "iso88599": ("cp1254",),
    "iso885911": ("cp874",),
    "tis620": ("cp874",),
    "koi": ("koi8_r",),
    "koi8": ("koi8_r",),
    "koi8ru": ("koi8_u",),
    "csisolatin9": ("iso8859_15",),
    "suneugreek": ("iso8859_7",),
    "visual": ("iso8859_8",),
    "logical": ("iso8859_8",),
    "mac": ("mac_roman",),
    "csmacintosh": ("mac_roman",),
    "xmacroman": ("mac_roman",),
    "macintosh": ("mac_roman",),
    "xmaccyrillic": ("mac_cyrillic",),
    "xmacukrainian": ("mac_cyrillic",),
    "unicode": ("utf_16",),
    "csunicode": ("utf_16",),
    "ucs2": ("utf_16",),
    "iso10646ucs2": ("utf_16",),
    "unicodefeff": ("utf_16_le",),
    "unicodefffe": ("utf_16_be",),
    "unicode20utf8": ("utf_8_sig",),
    "xunicode20utf8": ("utf_8_sig",),
}
"""By a name's letters and digits: the codecs to try, the likeliest first."""

_FAMILIES = (
    (re.compile(r"(?:cs)?iso8859([0-9]{1,2})[ei]?\Z"), "iso8859_"),
    (re.compile(r"(?:x|cs)?(?:cp|win|windows|dos|ibm)([0-9]{3,4})\Z"), "cp"),
)
"""Names of the same form, by their letters and digits, and how Python's codecs begin."""

_REFUSED = {"utf-7", "idna", "punycode", "unicode_escape", "raw-unicode-escape", "undefined"}
"""Codecs of Python that are no charsets of mail, or, as UTF-7, hide markup from filters."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:()+-]{0,39}\Z")
_ESCAPE = re.compile(rb"\x1b(\$[@B]|\$\([@BD]|\([BJIH])")


def is_known(charset: str) -> bool:
    """Whether a charset is known by this name."""
    return bool(_codecs(charset))


def decode(data: bytes, charset: str | None) -> tuple[str, bool]:
    """Return the text of bytes, and whether each byte of them could be read.

    The declared charset strictly, then UTF-8 strictly, then with U+FFFD for what it cannot read the
    declared one, or UTF-8 or Windows-1252, whichever is likelier. Seven bits with the escapes of
    ISO-2022-JP are that, whatever is declared: all else would take its characters for ASCII.
    """
    declared = _codecs(charset) if charset else ()
    if b"\x1b$" in data and data.isascii():
        candidates = (*(codec for codec in declared if codec.startswith("iso2022")), *_ESCAPED_JIS)
        fallback = candidates[0]
    else:
        candidates = (*declared, "utf_8_sig")
        fallback = next((codec for codec in declared if codec != "ascii"), "")
    for codec in candidates:
        try:
            return _decode(data, codec), True
        except UnicodeError:
            continue
    return data.decode(fallback or _likely(data), "replace"), False


def _likely(data: bytes) -> str:
    """The codec of bytes without a charset: UTF-8 where most of them beyond ASCII are."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return "utf_8_sig" if right > wrong else "cp1252"


def decode_field(data: bytes, charset: str | None) -> str:
    """Return the text of a header field that was written without RFC 2047.

    `charset` is what the message's Content-Type declares, the best guess at 8-bit headers. It is
    not used where its ASCII is not ASCII: commas and brackets between addresses must stay what they
    are.
    """
    if b"\x1b" in data:
        return decode(data, "iso-2022-jp")[0]
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _codecs(charset) if charset else ()
    ascii_compatible = bool(declared) and _reads_ascii(declared[0])
    return decode(data, charset if ascii_compatible else None)[0]


def _codecs(charset: str) -> tuple[str, ...]:
    """Return the codecs to try for a charset's name, none where it is unknown or refused."""
    name = charset.strip().strip("\"'").partition("*")[0]
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    known = _CODECS.get(bare)
    if known is not None:
        return known
    for family, begins in _FAMILIES:
        if found := family.match(bare):
            name = f"{begins}{found[1]}"
    if not _NAME.match(name):
        return ()
    try:
        codec = codecs.lookup(name).name
        b"a".decode(codec)
    except LookupError:
        # Python raises it for codecs that are no text encodings, too, such as base64.
        return ()
    except UnicodeError:
        pass
    return () if codec in _REFUSED else (codec,)


def _reads_ascii(codec: str) -> bool:
    marks = b'a@b.c,<>:;"()'
    try:
        return _decode(marks, codec) == marks.decode("ascii")
    except UnicodeError:
        return False


def _decode(data: bytes, codec: str) -> str:
    return _decode_cp50220(data) if codec == "cp50220" else data.decode(codec)


def _decode_cp50220(data: bytes) -> str:
    """Read ISO-2022-JP and the extensions of NEC and IBM (①, ㈱, 髙) to it.

    Python has no codec for them. The two bytes of JIS are those of Shift_JIS otherwise arranged,
    and of that Python does know the extensions.

    Raises:
        UnicodeError: a byte is not allowed at its place.
    """
    text: list[str] = []
    mode, position = b"(B", 0
    for escape in chain(_ESCAPE.finditer(data), (None,)):
        run = data[position : escape.start() if escape else len(data)]
        if mode in (b"$@", b"$B", b"$(@", b"$(B"):
            text.append(_shift(run).decode("cp932"))
        elif mode == b"$(D":
            text.append(
                b"".join(b"\x8f" + _high(run[i : i + 2]) for i in _pairs(run)).decode("euc_jp")
            )
        elif mode == b"(I":
            text.append(_high(run).decode("cp932"))
        elif b"\x1b" in run:
            raise UnicodeError("an escape sequence that ISO-2022-JP does not have")
        else:
            text.append(run.decode("ascii"))
        if escape:
            mode, position = escape[1], escape.end()
    return "".join(text)


def _shift(run: bytes) -> bytes:
    """Rearrange pairs of JIS X 0208 bytes as Shift_JIS; line ends between them stay."""
    shifted = bytearray()
    position = 0
    while position < len(run):
        row = run[position]
        if row < 0x21:
            shifted.append(row)
            position += 1
            continue
        if position + 1 == len(run):
            raise UnicodeError("half a character")
        cell = run[position + 1]
        if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
            raise UnicodeError("no JIS character")
        shifted.append(((row - 1) >> 1) + (0x71 if row <= 0x5E else 0xB1))
        if row % 2:
            shifted.append(cell + (0x1F if cell < 0x60 else 0x20))
        else:
            shifted.append(cell + 0x7E)
        position += 2
    return bytes(shifted)


def _pairs(run: bytes) -> range:
    if len(run) % 2:
        raise UnicodeError("half a character")
    return range(0, len(run), 2)


def _high(run: bytes) -> bytes:
    """Set the high bit of each byte, line ends aside."""
    return bytes(byte | 0x80 if byte > 0x20 else byte for byte in run)
