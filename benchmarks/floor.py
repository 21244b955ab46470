"""The least that an HTTP answer takes here: decode a body, answer a constant. `python -m benchmarks.floor PORT`."""

import sys

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

_REASON = {"code": "risk.constant", "points": 0, "zh": "常数", "en": "A constant that nothing was computed for " * 3}
_ANSWER = {"decision_id": "dec_0", "lane": {"code": "standard_release"}, "reasons": [_REASON] * 9}


def create_app() -> FastAPI:
    """An application that decides nothing."""
    app = FastAPI()

    @app.post("/v1/decisions", status_code=201)
    async def decide(request: Request) -> Response:
        msgspec.json.decode(await request.body())
        return JSONResponse(_ANSWER, status_code=201)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


if __name__ == "__main__":  # as `serving.cli.process` does it
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
