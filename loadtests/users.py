"""The load as Locust sees it: a user is a park, and the shape asks for as many users as there are parks.

Figures in Locust's own tables count from the intended time (corrected); the exact ones are in the files of `--out`.
"""

from collections.abc import Callable
from typing import Any

import gevent
from locust import LoadTestShape, User, constant, task

from contract.errors import TargetError
from loadtests.schedule import users_for
from loadtests.sender import Attempt
from loadtests.session import Session

SPAWN_PER_S = 100.0


class ParkUser(User):
    """One park: its gateways and its enterprises. A user that finds no park left waits for the end.

    Attributes:
        session: gives this process's session, or None while it is being prepared; set by the locustfile.
    """

    session: Callable[[], Session | None] = staticmethod(lambda: None)
    wait_time = constant(3600)

    @task
    def live(self) -> None:
        """Serve one park until the trace ends."""
        while (session := type(self).session()) is None:
            gevent.sleep(0.05)
        park = session.claim()
        if park is not None:
            session.serve(park)


class OneUserPerPark(LoadTestShape):
    """Asks for every park's user at once, and ends the test when the run is over.

    Attributes:
        begin: called once at the beginning of a test; gives (parks, workers), or None when the run cannot be made.
        over: whether the run is over; both are set by the locustfile.
    """

    begin: Callable[[], tuple[int, int] | None] = staticmethod(lambda: None)
    over: Callable[[], bool] = staticmethod(lambda: True)

    def tick(self) -> tuple[int, float] | None:
        """Called by Locust once a second, on the master or in the only process."""
        if self.runner is None:
            return None
        if self.runner.shape_last_tick is None:
            size = type(self).begin()
            self._users = users_for(*size) if size else 0
        elif type(self).over():
            self._users = 0
        return (self._users, SPAWN_PER_S) if self._users else None


def show_in(environment: Any) -> Callable[[Attempt], None]:  # noqa: ANN401 - Locust ships no types
    """A function that shows attempts in Locust's tables."""

    def show(attempt: Attempt) -> None:
        outcome = attempt.outcome
        environment.events.request.fire(
            request_type="POST",
            name=attempt.job.kind,
            response_time=attempt.latency_us / 1000,
            response_length=attempt.request_bytes,
            exception=None if outcome.ok else TargetError(outcome.error),
            context={},
        )

    return show
