"""The client of a Dask cluster, for commands that may run on one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def client_of(scheduler: str | None) -> "Iterator[Client | None]":
    """A client of the scheduler at an address; None where none is named.

    Raises:
        ClusterError: where none answers.
    """
    if scheduler is None:
        yield None
        return
    from distributed import Client

    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        yield client
