"""Starting and ending the platform's processes."""

import socket
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest
from transport_processes import END_S, refused, served

from reference_impl.serve import AllSettings, CitySettings, ParkHostSettings, command

pytestmark = pytest.mark.process
PARKS = ("p1", "p2")


def test_a_port_in_use_is_said_clearly(tmp_path: Path) -> None:
    """Exit status 1 and one line that names the address; the server would otherwise share the port in silence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = refused(CitySettings(data=tmp_path, parks=PARKS, port=port))
    assert status == 1
    wanted = f"city: expected a free port, found 127.0.0.1:{port} in use or not allowed (Address already in use)\n"
    assert said == wanted


def test_a_data_folder_in_use_and_missing_tokens_are_said_clearly(tmp_path: Path) -> None:
    """Exit status 1 and one line that names the folder or file."""
    with served(CitySettings(data=tmp_path / "city", parks=PARKS, port=0)) as city:
        city.ready()
        status, said = refused(CitySettings(data=tmp_path / "city", parks=PARKS, port=0))
        assert status == 1
        assert (
            said == f"city: {tmp_path / 'city'}: expected a data folder that no other process uses, found it in use\n"
        )
        status, said = refused(
            ParkHostSettings(
                data=tmp_path / "park",
                parks=("p9",),
                port=0,
                city_url=city.url,
                city_credentials=tmp_path / "city" / "credentials.json",
            )
        )
        assert status == 1
        assert said.endswith("found: no credential for role 'uplink' at the city level for park 'p9'\n")
        assert city.end() == 0


def test_both_levels_start_and_end_as_one(tmp_path: Path) -> None:
    """One command: both ready, all tokens in one file, health on both, an orderly end, and no process left."""
    settings = AllSettings(data=tmp_path, parks=PARKS, park_port=0, city_port=0)
    with served(settings) as platform:
        urls = [platform.line().rpartition(" ")[2], platform.line().rpartition(" ")[2]]
        assert platform.line() == "ready"
        children = psutil.Process(platform.process.pid).children(recursive=True)
        assert len(children) == 2
        levels = [httpx.get(f"{url}/health", trust_env=False).json() for url in urls]
        assert [(health["level"], health["status"], health["parks"]) for health in levels] == [
            ("city", "ok", 2),
            ("park", "ok", 2),
        ]
        tokens = platform.credentials()
        assert tokens.find("park", "gateway", "p2")
        assert tokens.find("city", "uplink", "p1")
        assert platform.end() == 0
    psutil.wait_procs(children, END_S)
    assert not any(child.is_running() for child in children)


def test_the_levels_end_with_their_parent(tmp_path: Path) -> None:
    """SIGKILL of the supervising process leaves no child behind."""
    with served(AllSettings(data=tmp_path, parks=PARKS, park_port=0, city_port=0)) as platform:
        while platform.line() != "ready":
            pass
        children = psutil.Process(platform.process.pid).children(recursive=True)
        platform.kill()
        _, alive = psutil.wait_procs(children, END_S)
        assert not alive


def test_a_stream_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """An open alert stream is ended by the node, so that a stop takes no longer for it."""
    with served(ParkHostSettings(data=tmp_path, parks=PARKS, port=0)) as park:
        park.ready()
        headers = {"authorization": f"Bearer {park.credentials().find('park', 'operator')}"}
        with (
            httpx.Client(base_url=park.url, headers=headers, trust_env=False) as client,
            client.stream("GET", "/v1/alerts/stream") as answer,
        ):
            lines = answer.iter_lines()
            assert next(lines) == ": stream"
            park.process.terminate()
            assert [line for line in lines if line] == []
        assert park.wait() == 0


def test_settings_are_one_json_object() -> None:
    """What a command line carries is what was asked for."""
    settings = ParkHostSettings(data=Path("data"), parks=PARKS, port=0)
    carried = msgspec.json.decode(command(settings)[-1])
    assert (carried["data"], carried["parks"]) == ("data", ["p1", "p2"])
