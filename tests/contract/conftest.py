"""What every test of the contract needs."""

import pytest

from contract import codec


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """No test waits for the compiler within its deadline."""
    codec.warm_up()
