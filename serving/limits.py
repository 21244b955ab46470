"""Limits on requests, before anything else reads them."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import BodyTooLargeError
from serving.problems import answer_to


class BodyLimit:
    """ASGI middleware that refuses a body over a number of bytes, whatever its header says.

    Arguments:
        app: the application behind it.
        most: the largest body in bytes.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = BodyTooLargeError(f"the body exceeds {self._most} bytes; send fewer records at once")
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._most:
                await _drain(receive, int(value))
                await answer_to(error)(scope, receive, send)
                return
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise error
            return message

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, sent)
        except BodyTooLargeError:
            if started:
                raise
            await answer_to(error)(scope, receive, send)


async def _drain(receive: Receive, size: int) -> None:
    """Read a moderate body to its end, so that the client gets to read the answer."""
    read = 0
    while read < min(size, 64_000_000):
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
