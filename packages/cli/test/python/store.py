# An ASGI application on hypercorn: keeps what is PUT in memory, and gives it back in pieces with its digest as a header.
import asyncio
import base64
import hashlib
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

kept = {}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    path = scope["path"]
    if scope["method"] == "PUT":
        pieces = []
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            pieces.append(event.get("body", b""))
            if not event.get("more_body", False):
                break
        kept[path] = b"".join(pieces)
        await answer(send, 201, [])
    elif path in kept:
        digest = base64.b64encode(hashlib.sha256(kept[path]).digest())
        fields = [(b"content-digest", b"sha-256=:" + digest + b":"), (b"x-version", scope["http_version"].encode())]
        await answer(send, 200, fields, kept[path])
    else:
        await answer(send, 404, [])


async def answer(send, status, fields, content=b""):
    await send({"type": "http.response.start", "status": status, "headers": fields})
    for start in range(0, len(content), 10_000):
        await send({"type": "http.response.body", "body": content[start : start + 10_000], "more_body": True})
    await send({"type": "http.response.body"})


config = Config()
config.bind = [f"127.0.0.1:{sys.argv[1]}"]
config.errorlog = None
asyncio.run(serve(app, config))
