"""A model server's worker: loads the model once, then answers one request after another.

Run as a script, in a process of its own, by the interpreter that has the model's dependencies. It
calls the serving code as SageMaker's inference toolkit does (model_fn, input_fn, predict_fn,
output_fn; https://github.com/aws/sagemaker-inference-toolkit), or with the argument ``djl`` as DJL
Serving does (handle), and imports nothing but the standard library and that code. With a second argument,
``isolated``, it makes no connection.

It talks over its standard input and output in frames: two lengths (unsigned, 4 and 8 bytes,
big-endian), a JSON header, a body. Its first frame is ``{"status": "ready"}`` or
``{"status": "failed", "reason": ...}``; after that it answers each request frame
``{"content_type", "accept"}`` with ``{"status": HTTP status, "content_type"}``. What the model
prints goes to standard error.

SIGTERM by itself ends nothing: Multi Model Server's worker handles it and works on until its server is
gone (awslabs/multi-model-server, model_service_worker.py), and DJL Serving never passes it on. The serving
code may do better (serving/draining.py).
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import IO, Any

_LENGTHS = struct.Struct(">IQ")
_JSON = "application/json"

Frame = tuple[dict[str, Any], bytes]


def write_frame(stream: IO[bytes], header: Mapping[str, Any], body: bytes = b"") -> None:
    """Write one frame and flush it.

    Raises:
        BrokenPipeError: the other side is gone.
    """
    encoded = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Read one frame; None when the other side is gone, also in the middle of one."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, body_length = _LENGTHS.unpack(lengths)
    header, body = stream.read(header_length), stream.read(body_length)
    if len(header) < header_length or len(body) < body_length:
        return None
    return json.loads(header), body


@dataclass(frozen=True)
class Answer:
    """What the model server answers: an HTTP status, a content type and a body."""

    status: int
    content_type: str
    body: bytes


def _default_input_fn(body: bytes, content_type: str) -> Any:
    if content_type != _JSON:
        raise ValueError(f"content type {content_type!r} is not supported: send {_JSON}")
    return json.loads(body)


def _default_output_fn(prediction: Any, _accept: str) -> tuple[bytes, str]:
    return json.dumps(prediction).encode(), _JSON


class Handler:
    """The serving code's four functions around its loaded model.

    input_fn and output_fn have JSON as their default, as in the toolkit; model_fn and predict_fn
    must be there. Each may take the toolkit's ``context`` as one more argument.
    """

    def __init__(self, module: ModuleType, model_dir: Path) -> None:
        missing = [name for name in ("model_fn", "predict_fn") if not hasattr(module, name)]
        if missing:
            raise AttributeError(f"{module.__name__}.py has no {' and no '.join(missing)}")
        self._context = SimpleNamespace(system_properties={"model_dir": str(model_dir), "gpu_id": None})
        self._input = getattr(module, "input_fn", _default_input_fn)
        self._predict = module.predict_fn
        self._output = getattr(module, "output_fn", _default_output_fn)
        self._model = self._call(module.model_fn, str(model_dir))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if len(inspect.signature(function).parameters) > len(arguments):
            return function(*arguments, self._context)
        return function(*arguments)

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Answer one request: 200, or 400 whatever was raised.

        aws/sagemaker-huggingface-inference-toolkit, handler_service.py, makes a PredictionException with
        status 400 of every exception.
        """
        try:
            data = self._call(self._input, body, content_type)
            output = self._call(self._output, self._call(self._predict, data, self._model), accept)
        except Exception as error:
            traceback.print_exc()
            return _failure(str(error))
        result, answered_type = output if isinstance(output, tuple) else (output, accept)
        return Answer(200, answered_type, result.encode() if isinstance(result, str) else bytes(result))

    def answered(self) -> None:
        """The last answer has been sent; the toolkit tells nobody."""


def _failure(message: str) -> Answer:
    body = json.dumps({"code": 400, "type": "InternalServerException", "message": message}).encode()
    return Answer(400, _JSON, body)


class DjlHandler:
    """DJL Serving's engine around the bundle's model.py."""

    def __init__(self, model_dir: Path) -> None:
        sys.path.insert(0, str(Path(__file__).parent / "djl"))
        from djl_python_engine import Engine

        self._engine = Engine(model_dir)
        self.answered = self._engine.answered

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Answer one request."""
        return Answer(*self._engine.answer(body, content_type, accept))


def load(model_dir: Path, server: str) -> Handler | DjlHandler:
    """Import the serving code and load the model."""
    if server == "djl":
        return DjlHandler(model_dir)
    sys.path.insert(0, str(model_dir / "code"))
    return Handler(importlib.import_module(Path(os.environ["SAGEMAKER_PROGRAM"]).stem), model_dir)


def _claim_channel() -> tuple[IO[bytes], IO[bytes]]:
    """Keep standard input and output for frames, so that a model that prints can't break them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers


def _isolate() -> None:
    """Refuse every connection and look-up from here on, as EnableNetworkIsolation does."""
    refused = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")

    def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
        if event in refused:
            raise ConnectionRefusedError(f"{event}: the container is in network isolation")

    sys.addaudithook(refuse)


def main() -> int:
    """Serve until the other side closes the channel."""
    requests, answers = _claim_channel()
    if "isolated" in sys.argv[2:]:
        _isolate()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
    try:
        handler = load(Path(os.environ["SM_MODEL_DIR"]), sys.argv[1])
    except Exception as error:
        traceback.print_exc()
        write_frame(answers, {"status": "failed", "reason": f"{type(error).__name__}: {error}"})
        return 1
    write_frame(answers, {"status": "ready"})
    while frame := read_frame(requests):
        header, body = frame
        answer = handler.answer(body, header["content_type"], header["accept"])
        write_frame(answers, {"status": answer.status, "content_type": answer.content_type}, answer.body)
        handler.answered()
    return 0


if __name__ == "__main__":
    sys.exit(main())
