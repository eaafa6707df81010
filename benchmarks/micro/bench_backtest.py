"""The backtest end to end on recorded files of each form, beside a bare read of the same bytes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from rich.console import Console

from benchmarks.backtest.delimited import CsvOptions
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.readings import Tally
from benchmarks.backtest.recording import Recording, open_source
from benchmarks.backtest.replay import replay
from benchmarks.backtest.ruling import fitted
from benchmarks.backtest.shape import Asked
from benchmarks.backtest.zones import UTC
from benchmarks.micro.load import START_MS
from benchmarks.micro.table import BARE
from contract.rulebook import parse_rules

POINTS = 50
SECONDS = 100_000
READINGS = POINTS * SECONDS
FAULTS = 200
CSV = CsvOptions(asked=Asked(), separator=None, time_format=None, zone=UTC)
RULES = parse_rules(
    """
rules:
  - {id: high, kind: limit, points: "water/*/*/cod", high: 90, deadband: 5, off_delay: 10s, level: orange}
  - {id: fast, kind: rate, points: "water/*/*/cod", rise: 40, per: 1s}
  - {id: frozen, kind: stuck, points: "water/*/*/cod", after: 10m, epsilon: 0.001}
""",
    "rules.yaml",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five million readings of 50 points, long and wide, as CSV and as Parquet."""
    rng = np.random.default_rng(1)
    seconds = np.arange(SECONDS)
    value = 50 + 10 * np.sin(seconds / 5000)[:, None] + rng.normal(0, 2, (SECONDS, POINTS))
    value[rng.integers(1, SECONDS, FAULTS), rng.integers(0, POINTS, FAULTS)] += 60
    value = value.round(3)
    names = [f"water/z{place % 5:02d}/dev-{place:03d}/cod" for place in range(POINTS)]
    time = pa.array(START_MS + 1000 * seconds, pa.timestamp("ms", "UTC"))
    text = pa.compute.strftime(time, format="%Y-%m-%dT%H:%M:%SZ")
    wide = {name: value[:, place] for place, name in enumerate(names)}
    point = pa.array(names).take(pa.array(np.tile(np.arange(POINTS), SECONDS)))
    row = pa.array(np.repeat(np.arange(SECONDS), POINTS))
    tables = {
        "long": (pa.table({"time": time.take(row), "point": point, "value": value.ravel()}), text.take(row)),
        "wide": (pa.table({"time": time, **wide}), text),
    }
    made = tmp_path_factory.mktemp("recorded")
    for name, (table, texts) in tables.items():
        pq.write_table(table, made / f"{name}.parquet")
        table = table.set_column(0, "time", texts)  # noqa: PLW2901 - the same table in the form of the other file
        pacsv.write_csv(table, made / f"{name}.csv", pacsv.WriteOptions(quoting_style="none"))
    return made


@pytest.fixture
def quiet() -> Progress:
    """Progress that nobody sees."""
    return Progress(Console(quiet=True))


@pytest.mark.parametrize("file", ["long.csv", "wide.csv", "long.parquet", "wide.parquet"])
class TestBacktest:
    """One group for each file."""

    @pytest.fixture(autouse=True)
    def _work(self, benchmark: BenchmarkFixture, folder: Path, file: str, tmp_path: Path, quiet: Progress) -> None:
        self.path, self.scratch, self.quiet = folder / file, tmp_path, quiet
        benchmark.group = f"backtest, {file}"
        benchmark.extra_info.update(readings=READINGS, bytes=self.path.stat().st_size)

    def _run(self, benchmark: BenchmarkFixture, case: str, work: Callable[[], int], wanted: int) -> None:
        benchmark.extra_info["case"] = case
        assert benchmark.pedantic(work, rounds=3, warmup_rounds=1) == wanted

    def test_bare_read(self, benchmark: BenchmarkFixture, file: str) -> None:  # noqa: ARG002 - a parameter of the class
        def read() -> int:
            with self.path.open("rb", buffering=0) as opened:
                return sum(len(block) for block in _blocks(opened.read))

        self._run(benchmark, BARE, read, self.path.stat().st_size)

    def test_decode(self, benchmark: BenchmarkFixture, file: str) -> None:  # noqa: ARG002 - a parameter of the class
        source = open_source(str(self.path), CSV, self.scratch)
        for _ in source.survey(whole=False):
            pass
        self._run(benchmark, "decode", lambda: sum(len(batch.columns) for batch in source.batches(Tally())), READINGS)

    def test_end_to_end(self, benchmark: BenchmarkFixture, file: str) -> None:  # noqa: ARG002 - a parameter of the class
        def work() -> int:
            recording = Recording(open_source(str(self.path), CSV, self.scratch), "auto", self.scratch, self.quiet)
            recording.survey(strict=False)
            points = recording.points
            rules, _ = fitted(RULES, points, "rules.yaml")
            history = replay(recording.batches(), points, rules.rules, 5_000)
            alarms = history.alarms()
            assert recording.tally.readings == READINGS
            return int(np.count_nonzero(alarms.rule == 0))

        benchmark.extra_info["note"] = "survey, decode, three rules, alarms"
        alarms = work()
        assert 0.9 * FAULTS <= alarms <= FAULTS
        self._run(benchmark, "end to end", work, alarms)


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """A file in blocks of the size that the backtest reads."""
    while block := read(4 << 20):
        yield block
