"""What a running application holds, for its routes."""

from fastapi import Request

from data.store import Store
from serving.clearance import Clearance
from serving.metrics import Metrics
from serving.watching import SkewWatch


def clearance_of(request: Request) -> Clearance:
    """The use case of clearance of the application that serves a request."""
    found: Clearance = request.app.state.clearance
    return found


def store_of(request: Request) -> Store:
    """Its store."""
    return clearance_of(request).store


def metrics_of(request: Request) -> Metrics:
    """Its metrics."""
    found: Metrics = request.app.state.metrics
    return found


def watch_of(request: Request) -> SkewWatch:
    """Its watch on skew."""
    found: SkewWatch = request.app.state.watch
    return found
