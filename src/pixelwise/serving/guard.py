"""Around every request: the token, the count, security headers, no new work while the server stops."""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from pixelwise.serving.desk import Desk
from pixelwise.serving.limits import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

FOLDER = Path(__file__).parent / "page"
PAGE = {"/": FOLDER / "index.html"} | {f"/{file.name}": file for file in sorted(FOLDER.glob("page.*"))}
FREE = {*PAGE, "/health"}  # what needs no token
ROUTES = {*FREE, "/models", "/metrics", "/predict", "/openapi.json"}  # counted each; all others as one
AT_THE_END = {"/health", "/metrics"}  # answered while the server stops
DRAINED = 2.0  # seconds in which the rest of a refused body is read, so that its sender reads the answer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
LOG = logging.getLogger(__name__)


class Guard:
    """An ASGI application around another one. token: that requests must bear; empty for none."""

    def __init__(self, app: App, desk: Desk, token: str) -> None:
        self._app, self._desk, self._token = app, desk, token

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(self._app, scope, receive, send)
        self._desk.requests += 1
        try:
            await call.answer(self._against(scope))
        finally:
            self._desk.requests -= 1
            route = scope["path"] if scope["path"] in ROUTES else "other"
            self._desk.metrics.request(route, call.status, time.monotonic() - call.began)

    def _against(self, scope: Message) -> Refusal | None:
        """What is to be said instead of an answer."""
        if self._desk.stopping and scope["path"] not in AT_THE_END:
            refusal = Refusal(503, "stopping", "the server stops; try again later", 5)
        elif self._token and scope["path"] not in FREE and not self._known(scope):
            refusal = Refusal(401, "token", "this needs the server's token; send `Authorization: Bearer TOKEN`")
        else:
            return None
        self._desk.metrics.refused(refusal.reason)
        return refusal

    def _known(self, scope: Message) -> bool:
        """Whether the request bears the token, in the same time whatever it bears."""
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = sent.partition(b" ")
        return hmac.compare_digest(token.strip(), self._token.encode()) and scheme.lower() == b"bearer"


class _Call:
    """One request. status: of its answer; 499 where there was none."""

    def __init__(self, app: App, scope: Message, receive: Receive, send: Send) -> None:
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self.began, self.status = time.monotonic(), 499
        self._asked = self._read = False  # for the body; to its end

    async def answer(self, refusal: Refusal | None) -> None:
        """By the application, or with what is said instead."""
        if refusal:
            await self._say(refusal)
            return
        try:
            await self._app(self._scope, self.receive, self.send)
        except Exception as error:  # the application has answered it with 500
            LOG.critical("a bug of pixelwise", exc_info=error)

    async def receive(self) -> Message:
        """The next part of the body, noting the last."""
        self._asked = True
        message = await self._receive()
        self._read |= message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, with security headers; of a refused body the rest is read first."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = {name for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in named]
            message["headers"] = [*message["headers"], *added]
            if self.status >= 400 and self.status != 408:
                await self._drain()
        await self._send(message)

    async def _drain(self) -> None:
        """Else the sender, still writing, would be cut off before it reads why."""
        if not self._asked and any(name == b"expect" for name, _ in self._scope["headers"]):
            return  # it waits to be asked
        try:
            async with asyncio.timeout(DRAINED):
                while not self._read:
                    await self.receive()
        except TimeoutError:
            pass

    async def _say(self, refusal: Refusal) -> None:
        headers = [(b"content-type", b"application/json")]
        headers += [(b"www-authenticate", b"Bearer")] * (refusal.status == 401)
        headers += [(b"retry-after", str(refusal.retry).encode())] * (refusal.retry is not None)
        body = json.dumps({"detail": refusal.detail}).encode()
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
