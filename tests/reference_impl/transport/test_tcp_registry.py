"""The registry of devices over HTTP, and the edges in the life of the process."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tcp_devices import COD, DEVICES, MN, POINTS, TEMPERATURE, data, edged_park, now_s
from transport_nodes import running_park

from contract.devices import hj212
from contract.devices_registry import DeviceList
from reference_impl.serve import ParkHostSettings, command
from reference_impl.transport.tcp.edges import EdgeSettings

pytestmark = pytest.mark.anyio
(LISTED,), (FIRE,) = DEVICES.loggers, DEVICES.transmitters
PART = FIRE.parts[0]


async def test_the_list_is_kept_and_replaced_as_a_whole(tmp_path: Path) -> None:
    """What was put is there after a restart; a device that is not listed any more is unknown."""
    async with edged_park(tmp_path) as park:
        assert await park.get("devices", "administrator") == msgspec.to_builtins(DEVICES)
    async with edged_park(tmp_path, configured=False) as park, park.logger() as wire:
        assert await park.get("devices", "administrator") == msgspec.to_builtins(DEVICES)
        await wire.send(data(1.0, now_s() - 5000).to_frame())
        assert (await wire.answer()).cn == "9014"
        assert (await park.put("devices", DeviceList(transmitters=[FIRE]))).status_code == 200
        await wire.send(data(2.0, now_s() - 4000).to_frame())
        assert (await wire.answer()).values()["QnRtn"] == "4"
        assert await park.values(COD) == [1.0]


@pytest.mark.parametrize(
    ("devices", "status", "message"),
    [
        (DeviceList(loggers=[LISTED, LISTED]), 422, "loggers[1].mn: expected another than loggers[0].mn"),
        (DeviceList(loggers=[replace(LISTED, mn="")]), 422, "loggers[0].mn: expected 1 to 64 characters, found ''"),
        (DeviceList(loggers=[replace(LISTED, password="")]), 422, "loggers[0].password: expected 1 to 64 characters"),
        (DeviceList(loggers=[replace(LISTED, gateway="A B")]), 422, "loggers[0].gateway: expected lower-case letters"),
        (
            DeviceList(loggers=[replace(LISTED, factors={"w01018": "env/z09/x/y"})]),
            422,
            "loggers[0].factors.w01018: expected a registered point, found 'env/z09/x/y'",
        ),
        (
            DeviceList(loggers=[replace(LISTED, factors={"w01018": TEMPERATURE})]),
            422,
            f"loggers[0].factors.w01018: expected a point of gateway 'logger-01', found '{TEMPERATURE}' of 'fire-01'",
        ),
        (
            DeviceList(transmitters=[replace(FIRE, address=2**48)]),
            422,
            "transmitters[0].address: expected 0 to 281474976710655, found 281474976710656",
        ),
        (DeviceList(transmitters=[replace(FIRE, parts=[PART, PART])]), 422, "transmitters[0].parts[1]: expected"),
        (
            DeviceList(transmitters=[replace(FIRE, parts=[replace(PART, points={"x": TEMPERATURE})])]),
            422,
            "transmitters[0].parts[0].points: expected an analogue type from 0 to 255, found 'x'",
        ),
    ],
)
async def test_a_faulty_list_is_refused(tmp_path: Path, devices: DeviceList, status: int, message: str) -> None:
    """The fault is named with its place, and the former list holds."""
    async with edged_park(tmp_path) as park:
        answer = await park.put("devices", devices)
        assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text
        assert await park.get("devices", "administrator") == msgspec.to_builtins(DEVICES)


async def test_a_device_belongs_to_one_park(tmp_path: Path) -> None:
    """Another park of the host cannot take a device over: they come in at the same port."""
    async with edged_park(tmp_path) as park:
        await park.put("points", POINTS, "p2")
        answer = await park.put("devices", DEVICES, "p2")
        assert answer.status_code == 409
        assert answer.json()["detail"].startswith(
            "loggers[0].mn: expected a device that is not registered in park 'p1'"
        )
        assert (await park.put("devices", DeviceList(transmitters=[FIRE]))).status_code == 200
        assert (await park.put("devices", DeviceList(loggers=[LISTED]), "p2")).status_code == 200


async def test_only_administrators_see_the_list(tmp_path: Path) -> None:
    """It holds passwords: operators, auditors and gateways are refused."""
    async with running_park(tmp_path) as node:
        for role in ("operator", "auditor"):
            answer = await node.client.get("/v1/parks/p1/devices", headers=node.bearer(role))
            assert answer.status_code == 403


def test_the_edge_lives_with_the_process(tmp_path: Path) -> None:
    """`serve` opens the port, a logger that is not registered is told so, and an orderly end closes it."""
    settings = ParkHostSettings(data=tmp_path, parks=("p1",), port=0, edges=EdgeSettings(hj212_port=0))
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command(settings), "--attached"], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        assert "park ready on http://" in process.stdout.readline()
        announced = process.stderr.readline()
        assert announced.startswith("hj212 listens on port "), announced
        with socket.create_connection(("127.0.0.1", int(announced.rsplit(maxsplit=1)[1])), timeout=10) as device:
            device.sendall(data(1.0, now_s()).to_frame())
            answer = _segment(device)
            assert (answer.cn, answer.mn, answer.values()) == ("9011", MN, {"QnRtn": "4"})
            process.stdin.close()
            assert device.recv(1) == b""
        assert process.wait(timeout=20) == 0


def _segment(device: socket.socket) -> hj212.Segment:
    framer, came = hj212.Framer(), list[Any]()
    while not came:
        came = framer.feed(device.recv(4096))
    return hj212.parse(came[0], hj212.Strict())


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """A port that is in use ends the start with a sentence, not a trace."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        settings = ParkHostSettings(data=tmp_path, parks=("p1",), port=0, edges=EdgeSettings(fire_port=number))
        done = subprocess.run(command(settings), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip().startswith(f"park: expected a free port, found 127.0.0.1:{number} in use")
