"""The registry of devices, bound to a park host."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reference_impl.park.change import Change
from reference_impl.park.devices import configure_devices
from reference_impl.park.node import ParkNode
from reference_impl.transport.bindings import Call, Handler, Response
from reference_impl.transport.park_host import ParkHost

if TYPE_CHECKING:
    from contract.devices_registry import DeviceList


def device_operations(host: ParkHost) -> Mapping[str, Handler]:
    """Handlers by operation id."""

    async def put_devices(call: Call) -> Response:
        devices: DeviceList = call.body

        def do(node: ParkNode, _now_ms: int) -> Change:
            others = [other for park, other in host.nodes.items() if park != node.park]
            return configure_devices(node, devices, others)

        await host.change(call.path["park"], do)
        return devices

    async def get_devices(call: Call) -> Response:
        return host.nodes[call.path["park"]].devices.listing

    return {"put_devices": put_devices, "get_devices": get_devices}
