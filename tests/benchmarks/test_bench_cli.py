"""The command: what it lists, how it refuses, its exit codes."""

import json
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import assemble, cli, run
from benchmarks import result as results
from benchmarks.result import Result
from contract.messages import CredentialFile
from scenarios.model import LIBRARY

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def parkbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Call the command in this process; gives (exit code, output, errors)."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["parkbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        said = capsys.readouterr()
        return int(caught.value.code or 0), said.out, said.err

    before = signal.getsignal(signal.SIGTERM)
    yield call
    signal.signal(signal.SIGTERM, before)


def test_scenarios(parkbench: Command) -> None:
    """Every scenario of the library has one line; as JSON it has every field."""
    code, out, _ = parkbench("scenarios")
    assert code == 0
    names = {line.split()[0] for line in out.splitlines()[1:]}
    assert {"first-morning", "quiet-night", "chemical-leak", "pilot-2019", "full-2020"} <= names
    code, out, _ = parkbench("scenarios", "--json")
    assert {one["name"] for one in json.loads(out)} == names


def test_unknown_scenario_is_met_with_a_suggestion(parkbench: Command) -> None:
    """A name that is nearly right gets the right one, in one line and with exit code 2."""
    code, out, err = parkbench("run", "first-mourning")
    assert (code, out) == (2, "")
    names = ", ".join(sorted(path.stem for path in LIBRARY.glob("*.yaml")))
    assert err.startswith(f"Error: scenario: expected a YAML file or one of {names}, found")
    assert err.endswith('found "first-mourning"; did you mean "first-morning"?\n')
    assert err.count("\n") == 1


def test_wrong_scenario_file_is_told_with_its_path(parkbench: Command, tmp_path: Path) -> None:
    """A scenario with an unknown key fails with the file and the key, never with a traceback."""
    path = tmp_path / "odd.yaml"
    path.write_text("name: odd\nspeed: 3\n", "utf-8")
    code, _, err = parkbench("run", path)
    assert code == 2
    assert re.fullmatch(rf"Error: {re.escape(str(path))}.*speed.*\n", err)


def test_result_directory_that_exists(parkbench: Command, tmp_path: Path) -> None:
    """A directory with files in it is refused before anything starts, and left as it was."""
    (tmp_path / "result.json").write_text("{}")
    code, _, err = parkbench("run", "quiet-night", "--out", tmp_path)
    assert code == 2
    assert err == (f"Error: --out: expected a new or empty directory, or --force, found {tmp_path} with files in it\n")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_result_directory_that_is_a_file(parkbench: Command, tmp_path: Path) -> None:
    """A file in the directory's place is named."""
    (tmp_path / "out").write_text("")
    code, _, err = parkbench("run", "quiet-night", "--out", tmp_path / "out")
    assert (code, err) == (2, f"Error: --out: expected a directory, found a file at {tmp_path / 'out'}\n")


def _port_that_nobody_serves() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_target_that_is_down(parkbench: Command, tmp_path: Path) -> None:
    """A target that does not answer is one line with its address and exit code 1, before any load."""
    url = f"http://127.0.0.1:{_port_that_nobody_serves()}"
    code, _, err = parkbench("run", "quiet-night", "--target", url, "--city", url, "--out", tmp_path / "out")
    assert code == 1
    assert err.endswith(f"Error: park platform at {url}: [Errno 111] Connection refused\n")


def test_target_needs_its_city(parkbench: Command) -> None:
    """Half a target is refused."""
    code, _, err = parkbench("run", "quiet-night", "--target", "http://127.0.0.1:1")
    assert code == 2
    assert "--target and --city together" in err


def test_port_in_use(parkbench: Command, tmp_path: Path) -> None:
    """`serve` names the port that is taken, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = parkbench("serve", "city", "--city-port", port, "--data", tmp_path / "data")
    assert code == 1
    assert str(port) in err
    assert "in use" in err
    assert err.count("\n") == 1


def test_unknown_park(parkbench: Command, tmp_path: Path) -> None:
    """`serve` refuses a park that the catalogue does not know."""
    code, _, err = parkbench("serve", "city", "--parks", "liangjiang,atlantis", "--data", tmp_path / "data")
    assert (code, err) == (2, "Error: --parks: expected ids of parks in the catalogue, found 'atlantis'\n")


def test_usage_error(parkbench: Command) -> None:
    """An option that does not exist is exit code 2."""
    code, _, err = parkbench("run", "quiet-night", "--sped", "3")
    assert code == 2
    assert "No such option" in err


def test_help_has_examples(parkbench: Command) -> None:
    """The help of the command and of its verbs shows what to type."""
    assert "parkbench run first-morning" in parkbench("--help")[1]
    assert "--target" in parkbench("run", "--help")[1]


def test_trace_is_the_same_in_shards(parkbench: Command) -> None:
    """The digests of three shards add up to the digest of the whole trace."""
    whole = json.loads(parkbench("trace", "pilot-2019", "--json")[1])
    shards = [json.loads(parkbench("trace", "pilot-2019", "--shard", f"{part}/3", "--json")[1]) for part in range(3)]
    assert sum(int(shard["digest"], 16) for shard in shards) % 2**64 == int(whole["digest"], 16)
    assert sum(shard["expected_alerts"] for shard in shards) == whole["expected_alerts"]


@pytest.mark.parametrize("shard", ["3/3", "1", "a/b", "-1/3"])
def test_wrong_shard(parkbench: Command, shard: str) -> None:
    """A shard that cannot be is refused with what is wanted."""
    code, _, err = parkbench("trace", "pilot-2019", f"--shard={shard}")
    assert (code, err) == (2, f'Error: --shard: expected I/N with 0 <= I < N, such as "0/3", found "{shard}"\n')


def test_doctor(parkbench: Command) -> None:
    """The doctor reports Python, packages, cores, memory, disk and what later features need."""
    found = {one["name"]: one for one in json.loads(parkbench("doctor", "--json")[1])}
    assert found["Python"]["ok"]
    assert {"cores", "memory", "free disk", "fsync, median", "open files, hard limit", "docker", "browser"} <= set(
        found
    )


def test_report_again(parkbench: Command, result: Result, tmp_path: Path) -> None:
    """The report of a saved result is written beside it, or where it is asked for."""
    results.save(result, tmp_path / results.RESULT_FILE)
    assert parkbench("report", tmp_path)[0] == 0
    assert parkbench("report", tmp_path / results.RESULT_FILE, "--out", tmp_path / "again.html")[0] == 0
    assert (tmp_path / results.REPORT_FILE).read_bytes() == (tmp_path / "again.html").read_bytes()
    code, _, err = parkbench("report", tmp_path / "nothing.json")
    assert (code, err.count("\n")) == (2, 1)


def test_exit_codes_of_a_run(
    parkbench: Command, gathered: assemble.Gathered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """0 when all is well, 3 for a missed objective, 4 for an invalid run even when an objective was missed too."""
    wanted = msgspec.structs.replace(gathered.scenario.objectives, ack_ms_p99_max=0.001)
    strict = gathered._replace(scenario=msgspec.structs.replace(gathered.scenario, objectives=wanted))
    for made_from, expected in ((gathered, 0), (strict, 3), (strict._replace(null_ceiling_per_s=1.0), 4)):
        made = assemble.result(made_from)
        monkeypatch.setattr(run, "run", lambda *_, made=made: made)
        code, out, _ = parkbench("run", "first-morning", "--out", tmp_path / "out")
        assert code == expected
        assert made.validity in out
        assert f"seed {made.seed}" in out
        assert made.repeat in out


def test_json_of_a_run(parkbench: Command, result: Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With --json the result is all that stands on standard output."""
    monkeypatch.setattr(run, "run", lambda *_: result)
    code, out, _ = parkbench("run", "first-morning", "--json", "--out", tmp_path / "out")
    assert code == 0
    assert msgspec.json.decode(out, type=Result) == result


def test_unreadable_credentials(parkbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential file that is none is told before any load."""
    monkeypatch.setattr("benchmarks.reference.health", lambda *_: None)
    tokens = tmp_path / "tokens.json"
    tokens.write_bytes(msgspec.json.encode(CredentialFile(credentials=[]))[:-1])
    url = "http://127.0.0.1:1"
    code, _, err = parkbench(
        "run", "quiet-night", "--target", url, "--city", url, "--credentials", tokens, "--out", tmp_path / "out"
    )
    assert code == 2
    assert err.splitlines()[-1].startswith("Error: --credentials: found Input data was truncated")


def test_trace_is_written_and_drawn(parkbench: Command, tmp_path: Path) -> None:
    """A directory that `run --trace` takes, and a page of a scenario or of that directory."""
    code, out, _ = parkbench("trace", "pilot-2019", "-o", tmp_path / "day", "--shard", "0/6")
    assert code == 0
    assert re.search(r"day: \d+ packs of [\d,]+ readings, .* digest [0-9a-f]{16}", out)
    files = {path.name for path in (tmp_path / "day").iterdir()}
    assert files == {"readings.parquet", "events.parquet", "requests.parquet", "points.parquet", "truth", "trace.json"}
    for source in ("pilot-2019", str(tmp_path / "day")):
        page = tmp_path / "page.html"
        assert parkbench("trace", source, "--preview", "-o", page, "--shard", "0/2")[0] == 0
        assert page.read_text("utf-8").startswith("<!doctype html>")
        page.unlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "SCENARIO: expected a scenario, or --trace DIR, found neither"),
        (("run", "quiet-night", "--trace", "HERE"), "SCENARIO: expected a scenario, or --trace DIR, found both"),
        (("run", "--trace", "HERE", "--seed", "3"), "--seed: expected none with --trace"),
        (
            ("run", "--trace", "HERE/nowhere"),
            "HERE/nowhere: expected the directory of a trace, found no such directory",
        ),
        (("run", "--trace", "HERE"), "HERE/readings.parquet: expected a Parquet file, found no such file"),
        (("trace", "quiet-night", "-o", "HERE"), "-o: expected a new directory, found HERE, which exists"),
        (("trace", "quiet-night", "--preview", "-o", "HERE"), "-o: expected the file of the page, found the directory"),
        (("trace", "HERE"), "SCENARIO: expected --preview with it, found the directory HERE"),
        (("trace", "HERE", "--preview"), "HERE/readings.parquet: expected a Parquet file, found no such file"),
    ],
)
def test_wrong_ways_with_traces(parkbench: Command, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """Each is one line that says what was wanted, and exit code 2."""
    code, _, err = parkbench(*(one.replace("HERE", str(tmp_path)) for one in arguments))
    assert code == 2
    assert message.replace("HERE", str(tmp_path)) in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_recording_is_told_before_anything_starts(parkbench: Command, tmp_path: Path) -> None:
    """The whole recording is read first: a fault in it costs no run."""
    assert parkbench("trace", "pilot-2019", "-o", tmp_path / "day", "--shard", "0/6")[0] == 0
    path = tmp_path / "day" / "readings.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    code, _, err = parkbench("run", "--trace", tmp_path / "day", "--out", tmp_path / "out")
    assert code == 2
    assert f"{path}: row {table.num_rows}: expected the column due never to go back" in err
    assert not (tmp_path / "out" / "load.json").exists()
