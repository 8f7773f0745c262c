"""A bare pass-through: uvicorn in front, aiohttp behind, nothing between.

Serves on the port of its first argument, in front of the server of its second.
"""

import sys

import aiohttp
import uvicorn

_DROPPED = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class Passing:
    """An ASGI application that hands requests on and answers back."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        """Hand one request on."""
        if scope["type"] != "http":
            return
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        url = self._upstream + scope["path"]
        headers = [
            (name.decode(), value.decode())
            for name, value in scope["headers"]
            if name not in _DROPPED
        ]
        asked = self._session.request(scope["method"], url, data=body or None, headers=headers)
        async with asked as answer:
            await send({
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name, value) for name, value in answer.raw_headers],
            })  # fmt: skip
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until terminated."""
    uvicorn.run(
        Passing(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
