"""What a running application holds, for its routes."""

from fastapi import Request

from data.store import Store
from serving.clearance import Clearance


def clearance_of(request: Request) -> Clearance:
    """The use case of clearance of the application that serves a request."""
    found: Clearance = request.app.state.clearance
    return found


def store_of(request: Request) -> Store:
    """Its store."""
    return clearance_of(request).store
