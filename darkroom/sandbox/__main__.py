"""``python -m darkroom.sandbox``: the local AWS in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from darkroom.sandbox.server import serve

_parser = argparse.ArgumentParser(prog="python -m darkroom.sandbox", description=__doc__)
_parser.add_argument("--port", type=int, default=4566, help="the one port of the whole local AWS")
_parser.add_argument("--speed", type=float, default=1.0, help="sandbox seconds a wall second")
_parser.add_argument(
    "--instance-start-seconds",
    type=float,
    default=60.0,
    help="sandbox seconds until a new instance is there to load the model",
)
_parser.add_argument("--verbose", action="store_true", help="show what functions and model workers print")
_parser.add_argument("--state", type=Path, help="an empty folder for this run, removed at the end")

if __name__ == "__main__":
    sys.exit(serve(**vars(_parser.parse_args())))
