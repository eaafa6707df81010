"""A book of links from YAML: read strictly, laid over the standard one, checked as a whole."""

import functools
import re
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from contract.messages import MAX_FUTURE_MS
from contract.strict_yaml import CoreLoader, not_yaml, quoted
from scenarios.document import ScenarioError
from sim.network.book import BookPart, DeviceKinds, LinkBook, LinkProfile, Mix

_T = TypeVar("_T", LinkBook, BookPart)
_Named = TypeVar("_Named", LinkProfile, Mix)
_ROUNDING = 1e-9
_ATTEMPTS_MAX = 10
_CHOICES = {"medium": '"wired" or "radio"', "transport": '"udp" or "tcp"', "mark": '"V", "S", "M" or "A"'}
_NAMES = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
_NAMES |= {"object": "a mapping of keys", "array": "a list"}


@functools.cache
def standard_book() -> LinkBook:
    """The book that comes with ParkBench: `links.yaml` beside this file."""
    text = resources.files("sim.network").joinpath("links.yaml").read_text(encoding="utf-8")
    book = _typed(text, "links.yaml", LinkBook)
    check(book, "links.yaml")
    return book


def load(path: Path) -> LinkBook:
    """The standard book with the changes of somebody's own file.

    A link or mix takes the place of the standard one of its id, or is new; a kind of device that the file names has the
    file's links; of everything else the file's own takes the place of the standard whole.

    Raises:
        ScenarioError: the file cannot be read or is wrong: with the place, what was found and what was wanted.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        found = (error.strerror or "").lower()
        raise ScenarioError(str(path), "", wanted="a readable file", found=found) from None
    except UnicodeDecodeError:
        raise ScenarioError(str(path), "", wanted="UTF-8 text", found="other bytes") from None


def parse(text: str, file: str) -> LinkBook:
    """As `load`, from the text of a file; errors name it `file`."""
    part, book = _typed(text, file, BookPart), standard_book()
    named = {kind for entry in part.devices for kind in entry.kinds}
    merged = LinkBook(
        payload=part.payload or book.payload,
        tcp=part.tcp or book.tcp,
        gateway=part.gateway or book.gateway,
        device=part.device or book.device,
        clocks=part.clocks or book.clocks,
        links=_laid_over(book.links, part.links),
        mixes=_laid_over(book.mixes, part.mixes),
        backhauls=part.backhauls or book.backhauls,
        devices=part.devices + tuple(_without(entry, named) for entry in book.devices),
        otherwise=part.otherwise or book.otherwise,
    )
    check(merged, file)
    return merged


def _laid_over(standard: tuple[_Named, ...], own: tuple[_Named, ...]) -> tuple[_Named, ...]:
    replaced = {entry.id for entry in own}
    return tuple(entry for entry in standard if entry.id not in replaced) + own


def _without(entry: DeviceKinds, named: set[str]) -> DeviceKinds:
    return msgspec.structs.replace(entry, kinds=tuple(kind for kind in entry.kinds if kind not in named))


def _typed(text: str, file: str, kind: type[_T]) -> _T:
    try:
        written = yaml.load(text, CoreLoader)  # noqa: S506 - a subclass of the safe loaders
    except yaml.YAMLError as error:
        place, problem = not_yaml(error)
        raise ScenarioError(file, place, wanted="valid YAML", found=problem) from None
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").lstrip(".")
        wanted, found = _in_our_words(told, path, written)
        raise ScenarioError(file, path, wanted=wanted, found=found) from None


def _in_our_words(told: str, path: str, written: object) -> tuple[str, str]:
    """What was wanted and what was found, of msgspec's one sentence."""
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", told):
        return "a key that docs/links.md names", f'the key "{match[1]}"'
    if match := re.fullmatch(r"Object missing required field `(.*)`", told):
        return f'the key "{match[1]}"', "nothing"
    found = quoted(_at(written, path))
    if told.startswith("Invalid enum value"):
        return _CHOICES[path.rpartition(".")[2]], found
    match = re.match(r"Expected `(\w+)[^`]*`([^,]*)", told)
    return (_NAMES.get(match[1], match[1]) + match[2] if match else told), found


def _at(written: object, path: str) -> object:
    """The plain value at a path such as `links[0].loss`; for a free key msgspec writes `[...]`, this stops there."""
    value: Any = written
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path.partition("[...]")[0]):
        value = value[int(index)] if index else value[key]
    return value


def check(book: LinkBook, file: str) -> None:
    """Refuse a book whose parts do not fit each other.

    Raises:
        ScenarioError: with the place, what was found and what was wanted.
    """
    known = [link.id for link in book.links]
    _check_names(file, "links", known)
    _check_names(file, "mixes", known + [mix.id for mix in book.mixes])
    for link in book.links:
        _check_link(file, f"links[{link.id}]", link, book.gateway.gather_ms.value)
    for mix in book.mixes:
        _check_shares(file, f"mixes[{mix.id}].shares", mix.shares, known)
    carriers = known + [mix.id for mix in book.mixes]
    for entry in book.devices:
        _check_shares(file, f"devices[{', '.join(entry.kinds)}].shares", entry.shares, carriers)
    _check_names(file, "devices", [kind for entry in book.devices for kind in entry.kinds])
    if book.otherwise not in carriers:
        raise _wrong(file, "otherwise", _one_of(carriers), book.otherwise)
    _check_backhauls(book, file, known)
    _check_rest(book, file)


def _check_names(file: str, path: str, names: list[str]) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ScenarioError(file, path, wanted="each name once", found=f"{quoted(name)} again")


def _check_link(file: str, path: str, link: LinkProfile, gather_ms: float) -> None:
    median, p99 = link.delay_ms.median.value, link.delay_ms.p99.value
    if median <= 0:
        raise _wrong(file, f"{path}.delay_ms.median.value", "more than 0", median)
    if p99 <= median:
        raise _wrong(file, f"{path}.delay_ms.p99.value", f"more than the median ({median:g})", p99)
    if link.medium == "wired" and p99 + link.jitter_ms.value > gather_ms:
        wanted = f"at most gateway.gather_ms ({gather_ms:g}) with the jitter, for a wired link"
        raise _wrong(file, f"{path}.delay_ms.p99.value", wanted, p99)
    for name, share in (("loss", link.loss), ("duplicates", link.duplicates)):
        if share.value >= 1:
            raise _wrong(file, f"{path}.{name}.value", "less than 1", share.value)
    for name, rate in (("up_bit_s", link.up_bit_s), ("down_bit_s", link.down_bit_s)):
        if rate.value <= 0:
            raise _wrong(file, f"{path}.{name}.value", "more than 0", rate.value)
    if link.outages.share:
        raise _wrong(file, f"{path}.outages.share", "0, since an outage leaves nothing", link.outages.share)
    if not link.slowdowns.share:
        raise _wrong(file, f"{path}.slowdowns.share", "more than 0, else it is an outage", link.slowdowns.share)


def _check_shares(file: str, path: str, shares: dict[str, float], known: list[str]) -> None:
    for name in shares:
        if name not in known:
            raise _wrong(file, path, _one_of(known), name)
    total = sum(shares.values())
    if abs(total - 1) > _ROUNDING:
        raise _wrong(file, path, "shares that add up to 1", total)


def _check_backhauls(book: LinkBook, file: str, known: list[str]) -> None:
    for place, backhaul in enumerate(book.backhauls):
        for key, name in (("link", backhaul.link), ("via", backhaul.via)):
            if name is not None and name not in known:
                raise _wrong(file, f"backhauls[{place}].{key}", _one_of(known), name)
        if book.link(backhaul.link).transport != "tcp":
            raise _wrong(file, f"backhauls[{place}].link", "a link over tcp, which loses no pack", backhaul.link)
    total = sum(backhaul.share for backhaul in book.backhauls)
    if abs(total - 1) > _ROUNDING:
        raise _wrong(file, "backhauls", "shares that add up to 1", total)


def _check_rest(book: LinkBook, file: str) -> None:
    for name, clock in (("gateway", book.clocks.gateway), ("device", book.clocks.device)):
        if clock.resync_s.value <= 0:
            raise _wrong(file, f"clocks.{name}.resync_s.value", "more than 0", clock.resync_s.value)
        if clock.error_ms_max >= MAX_FUTURE_MS:
            wanted = f"an error of less than {MAX_FUTURE_MS} ms at three standard deviations, or readings are refused"
            raise _wrong(file, f"clocks.{name}", wanted, clock.error_ms_max)
    positive = {
        "payload.reading_bytes": book.payload.reading_bytes,
        "gateway.buffer_bytes": book.gateway.buffer_bytes,
        "gateway.repeat_after_ms": book.gateway.repeat_after_ms,
        "device.reading_bytes": book.device.reading_bytes,
        "device.buffer_messages": book.device.buffer_messages,
        "tcp.timeout_ms": book.tcp.timeout_ms,
    }
    for path, figure in positive.items():
        if figure.value <= 0:
            raise _wrong(file, f"{path}.value", "more than 0", figure.value)
    if book.tcp.backoff.value < 1:
        raise _wrong(file, "tcp.backoff.value", "at least 1", book.tcp.backoff.value)
    attempts = book.tcp.attempts.value
    if attempts != int(attempts) or not 1 <= attempts <= _ATTEMPTS_MAX:
        raise _wrong(file, "tcp.attempts.value", f"a whole number from 1 to {_ATTEMPTS_MAX}", attempts)


def _one_of(names: list[str]) -> str:
    return "one of " + ", ".join(names)


def _wrong(file: str, path: str, wanted: str, found: object) -> ScenarioError:
    return ScenarioError(file, path, wanted=wanted, found=quoted(found))
