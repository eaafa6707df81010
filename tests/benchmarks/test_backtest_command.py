"""`parkbench backtest` from the outside: output, exit codes, files, report."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from backtest_files import START_MS, Row, write_long

from benchmarks import cli
from benchmarks.backtest import delimited, page
from benchmarks.backtest.result import BacktestResult, load

Command = Callable[..., tuple[int, str, str]]

RULES = """
rules:
  - {id: high, kind: limit, points: "*", high: 10, deadband: 1, level: orange}
  - {id: never, kind: limit, points: "x*", high: 10}
"""
ROWS: list[Row] = [(1000 * step, point, 12.0 if step % 50 < 5 else 3.0) for step in range(200) for point in ("a", "b")]
LABELS = "time,point\n2024-01-01T00:00:52Z,a\n2024-01-01T00:02:33Z,\n"


@pytest.fixture
def backtest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Call the command in this process; gives (exit code, output, errors)."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["parkbench", "backtest", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        said = capsys.readouterr()
        return int(caught.value.code or 0), said.out, said.err

    before = signal.getsignal(signal.SIGTERM)
    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Recorded data, with rules and labels beside."""
    (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
    (tmp_path / "labels.csv").write_text(LABELS, "utf-8")
    return write_long(tmp_path / "data.csv", ROWS)


def test_json_is_nothing_but_lines(
    backtest: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json standard output has a transition a line in order of time, and no directory is made."""
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, _ = backtest(data, "--rules", tmp_path / "rules.yaml", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(lines) == 16
    assert all(list(line) == ["point", "rule", "transition", "at_ms", "onset_ms", "level", "value"] for line in lines)
    assert [line["at_ms"] for line in lines] == sorted(line["at_ms"] for line in lines)
    assert lines[0] == {
        "point": "a", "rule": "high", "transition": "raise", "at_ms": START_MS, "onset_ms": START_MS,
        "level": "orange", "value": 12.0,
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_point_that_the_survey_did_not_see(
    backtest: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output is the same when a point turns up in the middle of the file and all is read anew."""
    with data.open("a", encoding="utf-8") as file:
        file.write("2024-01-01T00:03:20Z,c,99\n")
    wanted = backtest(data, "--rules", tmp_path / "rules.yaml", "--json")
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 500)
    monkeypatch.setattr(delimited, "BEGINNING_BYTES", 1_000)
    assert backtest(data, "--rules", tmp_path / "rules.yaml", "--json") == wanted
    assert '"point":"c"' in wanted[1]


def test_standard_input(backtest: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input, CSV as well as Parquet."""
    wanted = backtest(data, "--rules", tmp_path / "rules.yaml", "--json")[1]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.read_bytes())))
    assert backtest("-", "--rules", tmp_path / "rules.yaml", "--json")[:2] == (0, wanted)


def test_summary_and_files(backtest: Command, data: Path, tmp_path: Path) -> None:
    """Without --json there is a summary for people, and result, transitions and report in the directory."""
    out_dir = tmp_path / "out"
    code, out, _ = backtest(
        data, "--rules", tmp_path / "rules.yaml", "--labels", tmp_path / "labels.csv", "--out", out_dir
    )
    assert code == 0
    for words in (
        "400 of 2 points in 400 rows", "2024-01-01 00:00:00 to 2024-01-01 00:03:19 UTC", "apply to nothing here: never",
        "2 of 2 detected", "8 alarms", "1 min before and after each window",
    ):  # fmt: skip
        assert words in re.sub(r"\s+", " ", out), words
    assert sorted(path.name for path in out_dir.iterdir()) == ["report.html", "result.json", "transitions.jsonl"]
    result = load(out_dir / "result.json")
    assert isinstance(result, BacktestResult)
    assert result.load.alarms == 8
    assert result.score is not None
    assert (result.score.windows, result.score.recall) == (2, 1.0)
    as_json = backtest(data, "--rules", tmp_path / "rules.yaml", "--json")[1]
    assert (out_dir / "transitions.jsonl").read_text("utf-8") == as_json


def test_directory_with_files_in_it(backtest: Command, data: Path, tmp_path: Path) -> None:
    """Results are never written over something without --force."""
    code, _, err = backtest(data, "--rules", tmp_path / "rules.yaml", "--out", tmp_path)
    assert code == 2
    assert err == f"Error: --out: expected a new or empty directory, or --force, found {tmp_path} with files in it\n"


def test_bad_rows_are_told_beside_the_json(backtest: Command, data: Path, tmp_path: Path) -> None:
    """Bad rows stop nothing; file and line stand on standard error."""
    with data.open("a", encoding="utf-8") as file:
        file.write("2024-01-01T00:03:20Z,a,12kg\n")
    code, out, err = backtest(data, "--rules", tmp_path / "rules.yaml", "--json")
    assert (code, len(out.splitlines())) == (0, 16)
    assert f"{data}:402: value: expected a number, found '12kg'\n1 bad rows in {data}\n" in err


def test_strict(backtest: Command, data: Path, tmp_path: Path) -> None:
    """With --strict the first bad row is the error, exit code 1, and nothing is printed for programs."""
    with data.open("a", encoding="utf-8") as file:
        file.write("2024-01-01T00:03:20Z,a,12kg\n")
    code, out, err = backtest(data, "--rules", tmp_path / "rules.yaml", "--json", "--strict")
    assert (code, out) == (1, "")
    assert err == f"Error: {data}:402: value: expected a number, found '12kg'\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv"], "nowhere.csv: expected a CSV or Parquet file, or - for standard input, found no such file"),
        (["data.csv", "--rules", "nowhere.yaml"], "nowhere.yaml: expected a readable file, found no such file"),
        (["data.csv", "--labels", "nowhere.csv"], "nowhere.csv: expected a file, found no such file"),
        (
            ["data.csv", "--lateness", "soon"],
            "--lateness: expected a duration such as \"5s\", at most 30d, found 'soon'",
        ),
        (["data.csv", "--sweep", "high=1,2"], "--sweep: expected --tune RULE, found no rule"),
        (["data.csv", "--separator", "ab"], "--separator: expected one character"),
        (["data.csv", "--objective", "recall>=1"], "--objective: expected --labels or --label-column"),
        (["data.csv", "--timezone", "Mars"], "--timezone: expected an offset such as"),
    ],
)
def test_usage(  # noqa: PLR0917 - fixtures beside the parameters
    arguments: list[str], message: str, backtest: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be meant is one line and exit code 2."""
    monkeypatch.chdir(data.parent)
    rules = [] if "--rules" in arguments else ["--rules", tmp_path / "rules.yaml"]
    code, out, err = backtest(*arguments, *rules, "--json")
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {message}")
    assert err.count("\n") == 1


def test_bad_rules(backtest: Command, data: Path, tmp_path: Path) -> None:
    """A fault in the rules is refused with file, path, found and wanted before the data are read."""
    rules = tmp_path / "bad.yaml"
    rules.write_text("rules: [{id: r, kind: limit, points: '*', high: 10, on_delay: -3s}]", "utf-8")
    code, out, err = backtest(data, "--rules", rules, "--json")
    assert (code, out) == (2, "")
    assert err == f'Error: {rules}: rules[0].on_delay: expected a duration such as "30s", found "-3s"\n'


def test_missed_objective(backtest: Command, data: Path, tmp_path: Path) -> None:
    """A missed objective is exit code 3, a met one 0."""
    asked = ["--rules", tmp_path / "rules.yaml", "--labels", tmp_path / "labels.csv", "--json"]
    assert backtest(data, *asked, "--objective", "recall>=0.9")[0] == 0
    code, _, err = backtest(data, *asked, "--tolerance", "1s", "--objective", "false_alarms_per_day<=1")
    assert code == 3
    assert re.search(r"missed +false_alarms_per_day: [\d,]+, wanted ≤ 1 a day", err)


def test_choices_as_json(backtest: Command, data: Path, tmp_path: Path) -> None:
    """With --tune and --json a line is a choice."""
    code, out, _ = backtest(
        data, "--rules", tmp_path / "rules.yaml", "--labels", tmp_path / "labels.csv", "--tune", "high", "--sweep",
        "high=5,11,20", "--json",
    )  # fmt: skip
    choices = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [choice["parameters"] for choice in choices] == [{"high": 5}, {"high": 11}, {"high": 20}]
    assert [choice["alarms"] for choice in choices] == [8, 8, 0]


def test_label_column_of_a_wide_file(backtest: Command, tmp_path: Path) -> None:
    """A column of labels makes windows and is no point itself."""
    rows = [
        f"2024-01-01T00:00:{second:02d}Z;{12 if 20 <= second < 30 else 3};{20 <= second < 25:d}" for second in range(60)
    ]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["datetime;flow rate;anomaly", *rows]), "utf-8")
    (tmp_path / "rules.yaml").write_text('rules: [{id: r, kind: limit, points: "flow_rate", high: 10}]', "utf-8")
    code, out, _ = backtest(
        data, "--wide", "--rules", tmp_path / "rules.yaml", "--label-column", "anomaly", "--out", tmp_path / "out"
    )
    assert code == 0
    assert "flow rate → flow_rate" in out
    result = load(tmp_path / "out" / "result.json")
    assert [(one.start_ms - START_MS, one.end_ms - START_MS, one.delay_s) for one in result.windows] == [
        (20_000, 24_000, 0.0)
    ]
    assert [(one.point, one.is_true) for one in result.alarms] == [("flow rate", True)]


@pytest.mark.parametrize("rules", ["rules: []", "rules: [{id: r, kind: limit, points: a, high: 10}]"])
def test_hardly_anything(rules: str, backtest: Command, tmp_path: Path) -> None:
    """One reading, no rules, no alarms, no windows in the data: figures that do not exist are not made up."""
    data = write_long(tmp_path / "data.csv", [(0, "a", 1.0)])
    (tmp_path / "rules.yaml").write_text(rules, "utf-8")
    (tmp_path / "labels.csv").write_text("start,end\n2020-01-01,2020-01-02\n", "utf-8")
    words = ["--rules", tmp_path / "rules.yaml", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
    code, out, err = backtest(data, *words)
    assert (code, err) == (0, "")
    assert "1 outside of the data, not counted" in out
    result = load(tmp_path / "out" / "result.json")
    assert result.score is not None
    assert (result.score.precision, result.score.recall, result.load.alarms_per_day) == (None, None, None)


def test_help_has_examples(backtest: Command) -> None:
    """The help shows what to type."""
    code, out, _ = backtest("--help")
    assert code == 0
    assert "parkbench backtest year.parquet --rules rules.yaml" in re.sub(r"[\s│]+", " ", out)


@pytest.mark.process
def test_nothing_is_left_behind(data: Path, tmp_path: Path) -> None:
    """A backtest that is interrupted while it tries choices removes its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks", "backtest", str(data), "--rules", str(tmp_path / "rules.yaml")]
    command += ["--tune", "high", "--sweep", "high=1:300:1", "--sweep", "deadband=0,1", "--json"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(folder.glob("*/readings.arrow")):
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == cli.TERMINATED
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []


# --- the report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def report(backtest: Command, data: Path, tmp_path: Path) -> str:
    """The page of a labelled backtest with a sweep."""
    words = ["--rules", tmp_path / "rules.yaml", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
    code, _, err = backtest(
        data, *words, "--tune", "high", "--sweep", "high=5:20:5", "--objective", "recall>=0.5", "--lang", "zh"
    )
    assert code == 0, err
    return (tmp_path / "out" / "report.html").read_text("utf-8")


class _Reader(HTMLParser):
    """Collects addresses that a page would load, and checks that elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data"} and value]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data"} and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_report_is_self_contained_and_bilingual(report: str) -> None:
    """The page loads nothing, nests, and has every text in both languages; it opens in the one that is asked for."""
    reader = _Reader()
    reader.feed(report)
    assert reader.open == []
    assert [address for address in reader.loads if not address.startswith("#")] == []
    assert report.count('class="en"') == report.count('class="zh"')
    assert 'data-asked="zh"' in report[:200]
    for words in ("Backtest of alarm rules", "告警规则回测报告", "Tuning of", "参数整定"):
        assert words in report


def test_charts_are_well_formed(report: str) -> None:
    """The overview, the series, the load, the delays and the sweep are drawn, each as one SVG that XML accepts."""
    charts = re.findall(r"<svg .*?</svg>", report, re.DOTALL)
    assert len(charts) == 5
    for chart in charts:
        ET.fromstring(chart)  # noqa: S314 - drawn by us


def test_names_are_not_translated(backtest: Command, tmp_path: Path) -> None:
    """A rule or a point that is called like a word of the report keeps its name, in whatever script."""
    rows: list[Row] = [(1000 * step, point, 12.0 * (step % 2)) for step in range(9) for point in ("limit", "水位")]
    (tmp_path / "rules.yaml").write_text("rules: [{id: stuck, kind: limit, points: '*', high: 10}]", "utf-8")
    words = ["--rules", tmp_path / "rules.yaml", "--out", tmp_path / "out"]
    code, _, err = backtest(write_long(tmp_path / "data.csv", rows), *words)
    assert (code, err) == (0, "")
    charts = "".join(re.findall(r"<svg .*?</svg>", (tmp_path / "out" / "report.html").read_text("utf-8"), re.DOTALL))
    shown = [text.strip("\u200b") for text in re.findall(r"<text [^>]*>([^<]+)</text>", charts)]
    assert {"stuck", "limit", "水位"} <= set(shown)


def test_texts_are_complete_and_used() -> None:
    """Each text has both languages, keys are words, and each is used by the page or a chart."""
    source = "".join(
        path.read_text("utf-8") for path in Path(page.__file__).parent.iterdir() if path.suffix in {".j2", ".py"}
    )
    written = yaml.safe_load((Path(page.__file__).parent / "texts.yaml").read_text("utf-8"))
    for key, text in written.items():
        assert isinstance(key, str), key
        assert set(text) == {"en", "zh"}, key
        assert all(text.values()), key
        assert f'"{key}"' in source or key.endswith("_kind") or key.startswith("delay_"), key
