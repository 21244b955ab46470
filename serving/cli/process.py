"""The service as a process of its own: `python -m serving.cli.process PORT`."""

import sys

import uvicorn

from serving.app import create_app
from serving.settings import read_settings

if __name__ == "__main__":
    uvicorn.run(
        create_app(read_settings()), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False
    )
