"""Codecs: a pack of 500 readings to bytes and back, beside a loop that only loads the bytes."""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import PARK, SHORT, START_MS, layout, pack, sum_bytes
from benchmarks.micro.table import BARE
from contract import codec
from contract.addresses import senml_name
from contract.names import NameIndex, PointNames

READINGS = 500
# Arrow carries a schema of about 600 bytes a pack, so its rate is also shown with the packs of a backlog.
CASES = [(media, READINGS) for media in codec.MEDIA_TYPES] + [(codec.ARROW_STREAM, 10 * READINGS)]


def _note(benchmark: BenchmarkFixture, case: str, readings: int, body: bytes) -> None:
    benchmark.extra_info.update(case=case, readings=readings, bytes=len(body))


@pytest.mark.parametrize(("media_type", "readings"), CASES)
class TestCodec:
    """One group for each encoding and size of pack."""

    @pytest.fixture(autouse=True)
    def _work(self, benchmark: BenchmarkFixture, media_type: str, readings: int) -> None:
        park = layout(max(2_000, readings), 4)
        self.names = PointNames(park.names)
        self.columns = pack(len(self.names), readings)
        self.index = NameIndex([senml_name(PARK, name) for name in self.names])
        self.body = codec.encode(media_type, PARK, self.names, self.columns)
        benchmark.group = f"{SHORT[media_type]}, {readings} a pack"

    def test_bare_loop(self, benchmark: BenchmarkFixture, media_type: str, readings: int) -> None:  # noqa: ARG002 - a parameter of the class
        raw = np.frombuffer(self.body, dtype=np.uint8)
        _note(benchmark, BARE, readings, self.body)
        assert benchmark(sum_bytes, raw) == int(raw.sum())

    def test_decode(self, benchmark: BenchmarkFixture, media_type: str, readings: int) -> None:
        _note(benchmark, "decode", readings, self.body)
        found = benchmark(codec.decode, media_type, self.body, self.index, START_MS)
        assert all((a == b).all() for a, b in zip(found, self.columns, strict=True))

    def test_encode(self, benchmark: BenchmarkFixture, media_type: str, readings: int) -> None:
        _note(benchmark, "encode", readings, self.body)
        assert benchmark(codec.encode, media_type, PARK, self.names, self.columns) == self.body
