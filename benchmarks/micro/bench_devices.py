"""Device protocols: frames to typed contents and back, beside a loop that only loads the bytes.

A reading here is one value of a frame.
"""

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import sum_bytes
from benchmarks.micro.table import BARE
from contract.devices import gb26875, hj212
from contract.devices.gb26875 import units

FRAMES = 2_000
CHUNK_BYTES = 4_096
TIME_MS = 1_790_000_000_000
LOGGER = hj212.Logger(st="32", pw="123456", mn="010000A8900016F000169DC0")
FACTORS = ("w01001", "w01018", "w21003")
CLOCK = gb26875.Clock.at(TIME_MS)


def hj212_data() -> list[hj212.Data]:
    """Real-time data of a waste-water outlet: three factors."""
    return [
        hj212.Data(
            cadence="realtime",
            time_ms=TIME_MS + 1000 * number,
            measured=tuple(hj212.Measured(code=code, values={"Rtd": 7.1}, flag="N") for code in FACTORS),
        )
        for number in range(FRAMES)
    ]


def hj212_write(data: list[hj212.Data]) -> list[bytes]:
    return [hj212.encode(one, LOGGER, qn_ms=one.time_ms).to_frame() for one in data]


def hj212_segments(stream: bytes) -> list[hj212.Segment]:
    framer, deviations = hj212.Framer(), hj212.Deviations()
    return [
        hj212.parse(frame, deviations)
        for begin in range(0, len(stream), CHUNK_BYTES)
        for frame in framer.feed(stream[begin : begin + CHUNK_BYTES])
        if isinstance(frame, hj212.Frame)
    ]


def hj212_messages(stream: bytes) -> list[hj212.Message]:
    deviations = hj212.Deviations()
    return [hj212.decode(segment, deviations) for segment in hj212_segments(stream)]


def gb26875_frame(number: int, part: gb26875.Object) -> gb26875.Frame:
    """A smoke detector's alarm."""
    return gb26875.Frame(number & 0xFFFF, 2, 1, 2, CLOCK, gb26875.encode((part,)))


def gb26875_write(part: gb26875.Object) -> list[bytes]:
    return [gb26875_frame(number, part).to_bytes() for number in range(FRAMES)]


def gb26875_objects(stream: bytes) -> list[gb26875.Object]:
    framer, deviations = gb26875.Framer(), gb26875.Deviations()
    return [
        one
        for begin in range(0, len(stream), CHUNK_BYTES)
        for frame in framer.feed(stream[begin : begin + CHUNK_BYTES])
        if isinstance(frame, gb26875.Frame)
        for one in gb26875.decode(frame.unit, deviations)
    ]


def _note(benchmark: BenchmarkFixture, group: str, case: str, stream: bytes, values: int) -> None:
    note = f"{len(stream) // FRAMES} bytes a frame, {values} values"
    benchmark.group = f"{group}, {values} a frame"
    benchmark.extra_info.update(case=case, readings=FRAMES * values, bytes=len(stream), note=note)


class TestHj212:
    """Real-time frames of three factors."""

    stream = b"".join(hj212_write(hj212_data()))

    def test_bare_loop(self, benchmark: BenchmarkFixture) -> None:
        raw = np.frombuffer(self.stream, dtype=np.uint8)
        _note(benchmark, "HJ 212", BARE, self.stream, len(FACTORS))
        assert benchmark(sum_bytes, raw) == int(raw.sum())

    def test_parse(self, benchmark: BenchmarkFixture) -> None:
        _note(benchmark, "HJ 212", "to segments", self.stream, len(FACTORS))
        assert len(benchmark(hj212_segments, self.stream)) == FRAMES

    def test_decode(self, benchmark: BenchmarkFixture) -> None:
        _note(benchmark, "HJ 212", "to messages", self.stream, len(FACTORS))
        assert benchmark(hj212_messages, self.stream) == hj212_data()

    def test_build(self, benchmark: BenchmarkFixture) -> None:
        _note(benchmark, "HJ 212", "messages to frames", self.stream, len(FACTORS))
        assert b"".join(benchmark(hj212_write, hj212_data())) == self.stream


class TestGb26875:
    """Alarm frames of one part."""

    part = units.PartState(1, 1, 42, 0x2000A, 3, "三号楼二层", CLOCK)
    stream = b"".join(gb26875_write(part))

    def test_bare_loop(self, benchmark: BenchmarkFixture) -> None:
        raw = np.frombuffer(self.stream, dtype=np.uint8)
        _note(benchmark, "GB/T 26875.3", BARE, self.stream, 1)
        assert benchmark(sum_bytes, raw) == int(raw.sum())

    def test_parse(self, benchmark: BenchmarkFixture) -> None:
        _note(benchmark, "GB/T 26875.3", "to objects", self.stream, 1)
        assert len(benchmark(gb26875_objects, self.stream)) == FRAMES

    def test_build(self, benchmark: BenchmarkFixture) -> None:
        _note(benchmark, "GB/T 26875.3", "objects to frames", self.stream, 1)
        assert b"".join(benchmark(gb26875_write, self.part)) == self.stream
