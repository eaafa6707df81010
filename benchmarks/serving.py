"""`parkbench serve`: the reference platform in the foreground."""

from pathlib import Path
from typing import Literal, NamedTuple

from contract import catalogue
from contract.errors import PeerError
from reference_impl.serve import AllSettings, CitySettings, ParkHostSettings, serve_all, serve_city, serve_park
from reference_impl.transport.tcp.edges import EdgeSettings

ServeLevel = Literal["park", "city", "all"]


class ServeOptions(NamedTuple):
    """What to serve and where; `city_url` and `city_credentials` only for the park level alone.

    `hj212_port` and `fire_port` open the park platform's TCP edges.
    """

    host: str
    park_port: int
    city_port: int
    data: Path
    parks: tuple[str, ...]
    city_url: str | None
    city_credentials: Path | None
    hj212_port: int | None = None
    fire_port: int | None = None


def chosen_parks(text: str) -> tuple[str, ...]:
    """Park ids from `all` or a comma-separated list.

    Raises:
        PeerError: an id that is not in the catalogue.
    """
    known = tuple(park.id for park in catalogue.parks())
    if text == "all":
        return known
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    for park in chosen:
        if park not in known:
            raise PeerError("unknown park", where="--parks", found=repr(park), wanted="ids of parks in the catalogue")
    if not chosen:
        raise PeerError("no park", where="--parks", found=repr(text), wanted="'all' or ids of parks in the catalogue")
    return chosen


def serve(level: ServeLevel, options: ServeOptions) -> int:
    """Serve until interrupted; gives the exit code.

    Raises:
        ParkBenchError: a port or the data directory is in use, or the uplink's tokens are missing.
    """
    host, data, parks = options.host, options.data, options.parks
    edges = EdgeSettings(hj212_port=options.hj212_port, fire_port=options.fire_port)
    if level == "city":
        serve_city(CitySettings(data=data, parks=parks, port=options.city_port, host=host))
        return 0
    if level == "park":
        serve_park(
            ParkHostSettings(
                data=data,
                parks=parks,
                port=options.park_port,
                host=host,
                city_url=options.city_url,
                city_credentials=options.city_credentials,
                edges=edges,
            )
        )
        return 0
    return serve_all(
        AllSettings(
            data=data,
            parks=parks,
            park_port=options.park_port,
            city_port=options.city_port,
            host=host,
            edges=edges,
        )
    )
