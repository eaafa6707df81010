"""The data segment: `QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;[PNUM=…;PNO=…;][RF=1;]CP=&&…&&` (HJ 212-2017, 6.3.2 and 6.3.3)."""

import re
from typing import Final

import msgspec

from contract.devices.fault import Deviations, ProtocolError
from contract.devices.hj212.frame import Frame, build
from contract.devices.hj212.lenient import read_fields, read_items, split_area

Item = tuple[tuple[str, str], ...]
"""Names and values that stand together, separated by commas: those of one factor at one time."""

ANSWER_WANTED: Final = 1
IN_PACKETS: Final = 2
EDITION_2005, EDITION_2017, EDITION_2025 = 0, 1, 2
FLAG_MAX: Final = 255
PACKETS_MAX: Final = 9999
DIGITS_MAX: Final = 9
DATA_AREA_MAX: Final = 950
"""Bytes of `CP=&&…&&` in the standard (table 3)."""

_NAME = r"[A-Za-z][A-Za-z0-9]*+(?:-[A-Za-z]++)?+"
_PAIR = rf"{_NAME}=[^\x00-\x20,;=&/\x7f]++"
_USUAL: Final = re.compile(
    r"QN=(\d{17});ST=([0-9A-Z]\d);CN=(\d{4});PW=([^\x00-\x20;=&]{6});MN=([0-9A-F]{24});Flag=(\d{1,2}|1\d\d|2[0-4]\d|25[0-5]);"
    r"(?:PNUM=([1-9]\d{0,3}+);PNO=([1-9]\d{0,3}+);)?+(?:RF=([01]);)?+"
    rf"CP=&&((?:{_PAIR}(?:[,;]{_PAIR})*+)?+)&&"
)
"""Segments as the standard writes them. All others are read with more patience."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One data segment.

    Attributes:
        qn: 17 digits, time of the exchange in ms; "" where it is missing (edition 2005).
        st: code of the system, such as "32" for waste water.
        cn: code of the command, such as "2051" for minute data.
        pw: access password.
        mn: the logger's identity; 24 hexadecimal digits in the standard, 14 in older loggers.
        flag: edition (bits 7 to 2), in packets (bit 1), answer wanted (bit 0).
        pnum, pno: number of packets and which one this is, from 1; 0 for a segment that stands alone.
        resent: RF=1, the frame is sent again (edition 2025, 8.2.2 [S]).
        items: contents of CP.
        ciphertext: contents of CP where they are encrypted; `items` is empty then.
    """

    qn: str
    st: str
    cn: str
    pw: str
    mn: str
    flag: int
    pnum: int = 0
    pno: int = 0
    resent: bool = False
    items: tuple[Item, ...] = ()
    ciphertext: bytes = b""

    @property
    def answer_wanted(self) -> bool:
        """Bit A of the flag."""
        return bool(self.flag & ANSWER_WANTED)

    @property
    def in_packets(self) -> bool:
        """Bit D of the flag."""
        return bool(self.flag & IN_PACKETS)

    @property
    def edition(self) -> int:
        """0 for HJ/T 212-2005, 1 for 2017, 2 for 2025. A hint only: some loggers set it wrongly."""
        return self.flag >> 2

    def values(self) -> dict[str, str]:
        """Every name in CP with its value; the first one where a name stands more than once."""
        flat: dict[str, str] = {}
        for item in self.items:
            for name, value in item:
                flat.setdefault(name, value)
        return flat

    def to_bytes(self) -> bytes:
        """The segment as the standard writes it."""
        packet = f"PNUM={self.pnum};PNO={self.pno};" if self.pnum else ""
        again = "RF=1;" if self.resent else ""
        number = f"QN={self.qn};" if self.qn else ""
        head = f"{number}ST={self.st};CN={self.cn};PW={self.pw};MN={self.mn};Flag={self.flag};{packet}{again}CP=&&"
        return b"%b%b&&" % (head.encode(), self.ciphertext or data_area(self.items).encode())

    def to_frame(self) -> bytes:
        """The whole frame around the segment in plain text.

        Raises:
            HarnessError: it is longer than 1024 bytes.
        """
        return build(self.to_bytes())


def data_area(items: tuple[Item, ...]) -> str:
    """Contents of CP: commas within an item, semicolons between items."""
    return ";".join([",".join([f"{name}={value}" for name, value in item]) for item in items])


def parse(frame: Frame, deviations: Deviations) -> Segment:
    """The segment in a frame.

    Args:
        frame: as the framer gave it.
        deviations: counts what is tolerated; a `Strict` one makes it an error.

    Raises:
        ProtocolError: it has no command, no MN or no CP, or a value is none; nothing else is ever raised.
    """
    if frame.is_encrypted:
        return _parse_secret(frame.segment, deviations)
    return parse_segment(frame.segment, deviations)


def parse_segment(data: bytes, deviations: Deviations) -> Segment:
    """A data segment in plain text; as `parse`."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        deviations.note("not-utf8", where="CP")
        text = data.decode("gb18030", "replace")
    match = _USUAL.fullmatch(text)
    if match is None:
        head, area = split_area(text, deviations)
        return _build(read_fields(head, deviations), read_items(area, deviations), b"", deviations)
    qn, st, cn, pw, mn, flag, pnum, pno, resent, area = match.groups()
    if (pnum is None) is bool(int(flag) & IN_PACKETS):
        deviations.note("packet-bit", where="Flag", found=flag)
    if pnum and int(pno) > int(pnum):
        raise ProtocolError("packet-number", where="PNO", found=pno, wanted=f"1 to {pnum}")
    items = tuple([_item(item) for item in area.split(";")]) if area else ()
    return Segment(
        qn=qn,
        st=st,
        cn=cn,
        pw=pw,
        mn=mn,
        flag=int(flag),
        pnum=int(pnum) if pnum else 0,
        pno=int(pno) if pno else 0,
        resent=resent == "1",
        items=items,
    )


def _item(text: str) -> Item:
    return tuple([(pair[0], pair[2]) for pair in [part.partition("=") for part in text.split(",")]])


def _parse_secret(data: bytes, deviations: Deviations) -> Segment:
    """Fields of a segment whose contents are ciphertext; the framer has seen where they stand."""
    head, _, rest = data.partition(b";CP=&&")
    fields = read_fields(head.decode("utf-8", "replace"), deviations)
    return _build(fields, (), rest[:-2], deviations)


def _build(fields: dict[str, str], items: tuple[Item, ...], ciphertext: bytes, deviations: Deviations) -> Segment:
    """A segment of what was understood. Counts `field-missing` and `packet-bit`."""
    for name in ("CN", "MN"):
        if not fields.get(name):
            raise ProtocolError("field-missing", where=name, wanted="a value")
    for name in ("QN", "ST", "PW", "Flag"):
        if name not in fields:
            deviations.note("field-missing", where=name)
    flag = _number(fields, "Flag", FLAG_MAX)
    pnum, pno = _number(fields, "PNUM", PACKETS_MAX), _number(fields, "PNO", PACKETS_MAX)
    if ("PNUM" in fields) is not bool(flag & IN_PACKETS):
        deviations.note("packet-bit", where="Flag", found=str(flag))
    if pno > pnum or (pnum and not pno):
        raise ProtocolError("packet-number", where="PNO", found=str(pno), wanted=f"1 to {pnum}")
    return Segment(
        qn=fields.get("QN", ""),
        st=fields.get("ST", ""),
        cn=fields["CN"],
        pw=fields.get("PW", ""),
        mn=fields["MN"],
        flag=flag,
        pnum=pnum,
        pno=pno,
        resent=fields.get("RF") == "1",
        items=items,
        ciphertext=ciphertext,
    )


def _number(fields: dict[str, str], name: str, largest: int) -> int:
    written = fields.get(name, "0")
    if not (written.isascii() and written.isdigit() and len(written) <= DIGITS_MAX and int(written) <= largest):
        raise ProtocolError("field-number", where=name, found=written, wanted=f"0 to {largest}")
    return int(written)
