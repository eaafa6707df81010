"""A platform that speaks the contract over HTTP."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
from geventhttpclient.response import HTTPParseError
from numpy.typing import NDArray

from contract import arrow
from contract.codec import ARROW_STREAM
from contract.columns import Columns
from contract.device_events import DeviceEvent, EventBatch
from contract.errors import HarnessError, TargetError
from contract.messages import AlertEvent, CredentialFile, Health, PackReceipt, PointList, Problem, Role
from contract.operations import BY_ID, EVENT_STREAM, JSON, PROBLEM, SEQUENCE_HEADER
from contract.rules import RuleSet
from loadtests.schedule import may_resend, retry_wait_s
from loadtests.targets import ActOnCase, Handed, Level, Outcome, StopSignal, WriteEntry
from loadtests.targets.connection import RECEIVE_BYTES, Address, Answer, Connection, NoAnswerError, Parser

SEND_TIMEOUT_S = 30.0
READ_TIMEOUT_S = 120.0
ASK_ATTEMPTS_MAX = 6
STREAM_POLL_S = 0.5
STREAM_SILENCE_MAX_S = 60.0

_receipt = msgspec.json.Decoder(PackReceipt)
_event = msgspec.json.Decoder(AlertEvent)
_problem = msgspec.json.Decoder(Problem)


class ContractHttp:
    """See `loadtests.targets.Target`.

    Args:
        park_url: base of the park platform.
        city_url: base of the city platform, or "" when the run has no city.
        credentials: tokens by role, or None when the platform asks for none.
    """

    def __init__(self, park_url: str, city_url: str = "", credentials: CredentialFile | None = None) -> None:
        self._addresses: dict[str, Address] = {"park": Address.of(park_url)}
        if city_url:
            self._addresses["city"] = Address.of(city_url)
        self._credentials = credentials
        self._lanes: dict[tuple[str, str, str], tuple[Connection, str]] = {}
        self._desks: dict[tuple[str, str], str] = {}
        self._idle: list[Connection] = []

    # --- the load ---------------------------------------------------------------------------------------------------

    def send(self, park: str, gateway: str, sequence: int, body: bytes, media_type: str) -> Outcome:
        """Post one pack on the gateway's own connection."""
        lane = self._lanes.get((park, gateway, media_type))
        if lane is None:
            lane = self._lanes[park, gateway, media_type] = self._new_lane(park, gateway, media_type)
        connection, head = lane
        message = f"{head}{sequence}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            answer = connection.exchange(message)
        except NoAnswerError as error:
            return Outcome(0, ok=False, error=str(error))
        if answer.status != BY_ID["post_telemetry"].status:
            return _refusal(answer)
        try:
            receipt = _receipt.decode(answer.body)
        except msgspec.MsgspecError:
            return Outcome(0, ok=False, error="unreadable receipt")
        if (receipt.gateway, receipt.sequence) != (gateway, sequence):
            return Outcome(0, ok=False, error="receipt for another pack")
        return Outcome(answer.status, ok=True, duplicate=receipt.duplicate)

    def request(self, park: str, message: Handed) -> Outcome:
        """Hand in a message; each one that is under way has a connection of its own."""
        if isinstance(message, ActOnCase):
            path = BY_ID["act_on_case"].path.format(park=park, case_id=quote(message.case_id, safe=""))
            return self._hand_in("act_on_case", self._head(park, "act_on_case", path, message.actor), message.act)
        if isinstance(message, WriteEntry):
            entry = quote(message.entry, safe="")
            path = BY_ID["put_entry"].path.format(park=park, register=message.register, entry=entry)
            return self._hand_in("put_entry", self._head(park, "put_entry", path, "operator"), message.fields)
        if isinstance(message, DeviceEvent):
            return self._post(park, "post_events", "gateway", EventBatch(events=[message]))
        return self._post(park, "post_case", "enterprise", message)

    def _post(self, park: str, operation_id: str, role: Role, message: msgspec.Struct) -> Outcome:
        """Post to a path that all messages of the park share: its head is put together once."""
        head = self._desks.get((park, operation_id))
        if head is None:
            path = BY_ID[operation_id].path.format(park=park)
            head = self._desks[park, operation_id] = self._head(park, operation_id, path, role)
        return self._hand_in(operation_id, head, message)

    def _head(self, park: str, operation_id: str, path: str, role: Role) -> str:
        token = self._token("park", role, park)
        return self._addresses["park"].head(BY_ID[operation_id].method, path, token=token, content_type=JSON)

    def _hand_in(self, operation_id: str, head: str, message: msgspec.Struct) -> Outcome:
        body = msgspec.json.encode(message)
        connection = self._idle.pop() if self._idle else Connection(self._addresses["park"], SEND_TIMEOUT_S)
        try:
            answer = connection.exchange(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except NoAnswerError as error:
            return Outcome(0, ok=False, error=str(error))
        finally:
            self._idle.append(connection)
        if answer.status in (200, BY_ID[operation_id].status):
            return Outcome(answer.status, ok=True)
        return _refusal(answer)

    # --- before and after -------------------------------------------------------------------------------------------

    def provision(self, park: str, points: PointList, rules: RuleSet) -> None:
        """Put the points, then the rules."""
        token = self._token("park", "administrator", park)
        for name, message in (("put_points", points), ("put_rules", rules)):
            operation = BY_ID[name]
            self._ask("park", "PUT", operation.path.format(park=park), token, msgspec.json.encode(message))

    def read_back(
        self, park: str, gateway: str, from_sequence: int = 1, to_sequence: int | None = None
    ) -> tuple[NDArray[np.int64], Columns]:
        """Ask the auditor's operation."""
        path = BY_ID["get_gateway_readings"].path.format(park=park, gateway=gateway)
        path += f"?from_sequence={from_sequence}" + (f"&to_sequence={to_sequence}" if to_sequence is not None else "")
        answer = self._ask("park", "GET", path, self._token("park", "auditor", park))
        if answer.content_type.partition(";")[0].strip() != ARROW_STREAM:
            raise TargetError(f"read-back of {park}/{gateway}: expected {ARROW_STREAM}, found {answer.content_type!r}")
        try:
            return arrow.decode_sequenced(answer.body)
        except Exception as error:  # the bytes come from outside, and Arrow raises many kinds
            raise TargetError(f"read-back of {park}/{gateway}: unreadable Arrow stream: {error}") from error

    def health(self, level: Level) -> Health:
        """Ask `/health`; one attempt."""
        answer = self._ask(level, "GET", BY_ID["health"].path, attempts_max=1)
        try:
            return msgspec.json.decode(answer.body, type=Health)
        except msgspec.MsgspecError as error:
            raise TargetError(f"{self.where(level)}: /health does not answer as the contract says: {error}") from error

    def where(self, level: Level) -> str:
        """How to name the place in a message."""
        address = self._addresses[level]
        return f"{level} platform at {address.host}:{address.port}"

    def close(self) -> None:
        """Close every kept connection."""
        for connection, _ in self._lanes.values():
            connection.close()
        for connection in self._idle:
            connection.close()

    # --- alerts -----------------------------------------------------------------------------------------------------

    def alerts(self, level: Level, after: int | None, stop: StopSignal) -> Iterator[AlertEvent | None]:
        """Follow the level's stream of Server-Sent Events."""
        address = self._addresses[level]
        more = f"Accept: {EVENT_STREAM}" + (f"\r\nLast-Event-ID: {after}" if after is not None else "")
        head = address.head("GET", BY_ID["stream_alerts"].path, token=self._token(level, "operator", "*"), more=more)
        try:
            sock = address.connect(STREAM_POLL_S)
        except NoAnswerError as error:
            raise TargetError(f"{self.where(level)}: {error}") from error
        try:
            sock.sendall(f"{head}\r\n".encode())
            yield from self._follow(level, sock, stop)
        except (OSError, HTTPParseError) as error:
            raise TargetError(f"{self.where(level)}: the alert stream broke: {error}") from error
        finally:
            sock.close()

    def _follow(self, level: Level, sock: Any, stop: StopSignal) -> Iterator[AlertEvent | None]:  # noqa: ANN401 - see connect
        parser = Parser()
        stood = False
        heard_s = time.monotonic()
        while not stop.is_set():
            try:
                data = sock.recv(RECEIVE_BYTES)
            except TimeoutError:
                if time.monotonic() - heard_s > (STREAM_SILENCE_MAX_S if stood else SEND_TIMEOUT_S):
                    raise
                if stood:
                    yield None
                continue
            heard_s = time.monotonic()
            parser.feed(data)
            if parser.headers_complete and not stood:
                _check_stream(self.where(level), parser)
                stood = True
                yield None
            yield from take_events(parser.body)
            if not data or parser.message_complete:
                raise TargetError(f"{self.where(level)}: the alert stream ended")

    # --- asking -----------------------------------------------------------------------------------------------------

    def _ask(  # noqa: PLR0917 - the parts of a request
        self,
        level: Level,
        method: str,
        path: str,
        token: str = "",
        body: bytes = b"",
        attempts_max: int = ASK_ATTEMPTS_MAX,
    ) -> Answer:
        """Ask on a connection of its own, again while the platform says "later"; any other answer than 2xx raises."""
        if level not in self._addresses:
            raise HarnessError(f"no address of the {level} platform was given")
        head = self._addresses[level].head(method, path, token=token, content_type=JSON if body else "")
        message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        connection = Connection(self._addresses[level], READ_TIMEOUT_S)
        outcome = Outcome(0, ok=False)
        try:
            for attempt in range(1, attempts_max + 1):
                try:
                    answer = connection.exchange(message)
                except NoAnswerError as error:
                    outcome = Outcome(0, ok=False, error=str(error))
                else:
                    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP 2xx
                        return answer
                    outcome = _refusal(answer)
                if not may_resend(outcome.status):
                    break
                if attempt < attempts_max:
                    time.sleep(retry_wait_s(attempt, outcome.retry_after_s))
        finally:
            connection.close()
        raise TargetError(f"{self.where(level)}: {method} {path.partition('?')[0]}: {outcome.error}")

    def _new_lane(self, park: str, gateway: str, media_type: str) -> tuple[Connection, str]:
        path = BY_ID["post_telemetry"].path.format(park=park, gateway=gateway)
        head = self._addresses["park"].head(
            "POST", path, token=self._token("park", "gateway", park), content_type=media_type
        )
        return Connection(self._addresses["park"], SEND_TIMEOUT_S), f"{head}{SEQUENCE_HEADER}: "

    def _token(self, level: Level, role: str, park: str) -> str:
        if self._credentials is None:
            return ""
        try:
            return self._credentials.find(level, role, park)
        except LookupError as error:
            raise HarnessError(f"credentials: {error}") from error


def take_events(buffer: bytearray) -> Iterator[AlertEvent]:
    """Take the whole Server-Sent Events off the front of `buffer` (WHATWG HTML, section 9.2); comments are skipped.

    Raises:
        TargetError: an event that the contract does not know.
    """
    while True:
        block, length = _first_block(buffer)
        if length == 0:
            return
        del buffer[:length]
        data = b"\n".join(line[5:].removeprefix(b" ") for line in block.splitlines() if line.startswith(b"data:"))
        if not data:
            continue
        try:
            yield _event.decode(data)
        except msgspec.MsgspecError as error:
            raise TargetError(f"alert stream: {error}") from error


def _first_block(buffer: bytearray) -> tuple[bytes, int]:
    """The first event block and its length with the blank line that ends it; length 0 when none is whole."""
    ends = [(at, len(mark)) for mark in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := buffer.find(mark)) >= 0]
    if not ends:
        return b"", 0
    at, length = min(ends)
    return bytes(buffer[:at]), at + length


def _check_stream(where: str, parser: Parser) -> None:
    status = parser.get_code()
    if status != 200:  # noqa: PLR2004 - HTTP OK
        raise TargetError(f"{where}: the alert stream was refused with status {status}")
    if parser.text("content-type").partition(";")[0].strip() != EVENT_STREAM:
        raise TargetError(f"{where}: expected {EVENT_STREAM}, found {parser.text('content-type')!r}")


def _refusal(answer: Answer) -> Outcome:
    """The outcome of an answer that is not what was hoped for."""
    title = ""
    if answer.content_type.partition(";")[0].strip() == PROBLEM:
        try:
            title = _problem.decode(answer.body).title
        except msgspec.MsgspecError:
            title = "unreadable problem document"
    try:
        retry_after_s = float(answer.retry_after) if answer.retry_after else None
    except ValueError:  # an HTTP date: the load's own waiting time serves
        retry_after_s = None
    return Outcome(answer.status, ok=False, retry_after_s=retry_after_s, error=f"{answer.status} {title}".strip())
