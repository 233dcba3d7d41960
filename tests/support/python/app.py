"""A FastAPI application as the tests of serve watch it: python app.py FOLDER_OF_THE_MIDDLEWARE."""

import asyncio
import sys

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from prometheus_fastapi_instrumentator import Instrumentator

sys.path.insert(0, sys.argv[1])
from dbaudit_asgi import RequestFigures  # noqa: E402

app = FastAPI()
Instrumentator().instrument(app).expose(app, endpoint="/instrumentator")
app.add_middleware(RequestFigures, slow=0.2, too_slow=0.4)


@app.get("/items/{item}")
async def item(item: int):
    return {"item": item}


@app.get("/slow")
async def slow(seconds: float):
    async def parts():
        yield b"begun"
        await asyncio.sleep(seconds)
        yield b"ended"

    return StreamingResponse(parts())


@app.get("/broken")
async def broken():
    raise HTTPException(503)


@app.get("/crash")
async def crash():
    raise RuntimeError("planted")


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


Server(uvicorn.Config(app, port=0, log_level="warning")).run()
