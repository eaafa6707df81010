"""The reference platform as processes: a park host, a city, or both of them supervised.

`python -m reference_impl.serve park|city|all SETTINGS [--attached]` takes its settings as one JSON object.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from litestar.types import ASGIApp

from contract import codec
from contract.errors import ParkBenchError
from reference_impl import monitoring
from reference_impl.store.city_store import CityStore
from reference_impl.store.park_store import ParkStore
from reference_impl.transport import server, supervisor
from reference_impl.transport.access import Doorkeeper
from reference_impl.transport.bindings import Bindings, application
from reference_impl.transport.city_host import CityHost, city_handlers
from reference_impl.transport.credentials import prepare_credentials, read_credentials
from reference_impl.transport.identity_operations import identity_handlers
from reference_impl.transport.park_host import Bounds, ParkHost
from reference_impl.transport.park_operations import park_handlers
from reference_impl.transport.tcp.edges import EdgedHost, Edges, EdgeSettings
from reference_impl.transport.telemetry import TelemetryEntrance
from reference_impl.transport.uplink import City

T = TypeVar("T")


class ParkHostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A park host.

    Attributes:
        data: its data folder, made at the first start.
        parks: ids of the parks that live here.
        port: where to listen; 0 for any free port.
        host: address to listen at.
        city_url: where the uplink goes; without it the outboxes are kept for later.
        city_credentials: the city's credential file, which holds each park's uplink token.
        bounds: what is taken before 503.
        edges: ports for devices that speak their own protocols.
    """

    data: Path
    parks: tuple[str, ...]
    port: int = 8001
    host: str = "127.0.0.1"
    city_url: str | None = None
    city_credentials: Path | None = None
    bounds: Bounds = Bounds()
    edges: EdgeSettings = EdgeSettings()


class CitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The city.

    Attributes:
        data: its data folder, made at the first start.
        parks: ids of the parks that may report.
        port: where to listen; 0 for any free port.
        host: address to listen at.
    """

    data: Path
    parks: tuple[str, ...]
    port: int = 8000
    host: str = "127.0.0.1"


def serve_park(settings: ParkHostSettings, *, attached: bool = False) -> None:
    """Serve parks until SIGTERM or SIGINT, or the end of standard input if `attached`.

    Prints `park ready on http://ADDRESS:PORT` when it answers.

    Raises:
        ParkBenchError: the port or the data folder is in use, or the uplink's tokens are missing.
    """
    port = server.free_port(settings.host, settings.port)
    city = _city(settings)
    monitoring.warm_up()
    codec.warm_up()
    store = ParkStore(settings.data)
    principals = prepare_credentials(store, settings.data, "park", settings.parks)
    host = ParkHost(store, settings.parks, settings.bounds, city)
    host.identity.offer_enrolment(settings.data)
    try:
        routes = park_application(host, Doorkeeper(principals))
        edged = EdgedHost(host, Edges(host, settings.host, settings.edges, _announce_edge))
        server.run(edged, routes, settings.host, port, ready=_announce("park"), attached=attached)
    finally:
        host.close()


def park_application(host: ParkHost, doorkeeper: Doorkeeper) -> ASGIApp:
    """The ASGI application of a park host."""
    doorkeeper.know(host.identity)
    framework = application(
        Bindings(
            level="park",
            handlers={**park_handlers(host), **identity_handlers(host.identity)},
            doorkeeper=doorkeeper,
            auditor=host.identity.auditor,
            admission=host.requests,
            metrics=host.metrics,
            known_park=lambda park: park in host.nodes,
        )
    )
    entrance = TelemetryEntrance(host, doorkeeper, host.identity.auditor, host.packs, host.metrics)
    return server.dispatcher(framework, entrance)


def serve_city(settings: CitySettings, *, attached: bool = False) -> None:
    """Serve the city until SIGTERM or SIGINT, or the end of standard input if `attached`.

    Prints `city ready on http://ADDRESS:PORT` when it answers.

    Raises:
        ParkBenchError: the port or the data folder is in use.
    """
    port = server.free_port(settings.host, settings.port)
    store = CityStore(settings.data)
    principals = prepare_credentials(store, settings.data, "city", settings.parks)
    host = CityHost(store, settings.parks)
    host.identity.offer_enrolment(settings.data)
    try:
        routes = city_application(host, Doorkeeper(principals))
        server.run(host, routes, settings.host, port, ready=_announce("city"), attached=attached)
    finally:
        host.close()


def city_application(host: CityHost, doorkeeper: Doorkeeper) -> ASGIApp:
    """The ASGI application of the city."""
    doorkeeper.know(host.identity)
    framework = application(
        Bindings(
            level="city",
            handlers={**city_handlers(host), **identity_handlers(host.identity)},
            doorkeeper=doorkeeper,
            auditor=host.identity.auditor,
            admission=host.requests,
            metrics=host.metrics,
            known_park=lambda park: park in host.parks,
        )
    )
    return server.dispatcher(framework, None)


class AllSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both levels on one machine: `data/park` and `data/city`, and all tokens in `data/credentials.json`."""

    data: Path
    parks: tuple[str, ...]
    park_port: int = 8001
    city_port: int = 8000
    host: str = "127.0.0.1"
    edges: EdgeSettings = EdgeSettings()


def serve_all(settings: AllSettings, *, attached: bool = False) -> int:
    """Run the city and the park host as child processes until a signal, or the end of standard input if `attached`.

    Prints the children's ready lines, then `ready`. The children end with this process, however it ends.

    Returns:
        The exit status: 0 after a signal, 1 when a child failed.
    """
    city = CitySettings(data=settings.data / "city", parks=settings.parks, port=settings.city_port, host=settings.host)

    def park(city_url: str) -> list[str]:
        return command(
            ParkHostSettings(
                data=settings.data / "park",
                parks=settings.parks,
                port=settings.park_port,
                host=settings.host,
                city_url=city_url,
                city_credentials=city.data / "credentials.json",
                edges=settings.edges,
            )
        )

    return supervisor.supervise(settings.data, command(city), park, attached=attached)


def command(settings: ParkHostSettings | CitySettings | AllSettings) -> list[str]:
    """The command that serves `settings` in a process of its own; add `--attached` to end it with the caller."""
    text = msgspec.json.encode(settings, enc_hook=str).decode()
    return [sys.executable, "-m", "reference_impl.serve", _LEVELS[type(settings)], text]


_LEVELS: dict[type, str] = {ParkHostSettings: "park", CitySettings: "city", AllSettings: "all"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as the command line says; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=sorted(_LEVELS.values()))
    parser.add_argument("settings", help="one JSON object, see the settings classes of this module")
    parser.add_argument("--attached", action="store_true", help="end when standard input ends")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.ERROR)
    try:
        if options.level == "park":
            serve_park(_settings(options.settings, ParkHostSettings), attached=options.attached)
        elif options.level == "city":
            serve_city(_settings(options.settings, CitySettings), attached=options.attached)
        else:
            return serve_all(_settings(options.settings, AllSettings), attached=options.attached)
    except (ParkBenchError, msgspec.ValidationError) as error:
        sys.stderr.write(f"{options.level}: {error}\n")
        return 1
    return 0


def _settings(text: str, kind: type[T]) -> T:
    return msgspec.json.decode(text, type=kind, dec_hook=lambda wanted, value: wanted(value))


def _announce(level: str) -> Callable[[str], None]:
    def say(url: str) -> None:
        sys.stdout.write(f"{level} ready on {url}\n")
        sys.stdout.flush()

    return say


def _announce_edge(protocol: str, port: int) -> None:
    sys.stderr.write(f"{protocol} listens on port {port}\n")


def _city(settings: ParkHostSettings) -> City | None:
    if settings.city_url is None:
        return None
    if settings.city_credentials is None:
        raise server.ServeError("city_credentials: expected the city's credential file beside city_url, found none")
    try:
        file = read_credentials(settings.city_credentials)
        return City(settings.city_url, {park: file.find("city", "uplink", park) for park in settings.parks})
    except (OSError, LookupError, msgspec.MsgspecError) as error:
        raise server.ServeError(
            f"{settings.city_credentials}: expected an uplink token for every park, found: {error}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
