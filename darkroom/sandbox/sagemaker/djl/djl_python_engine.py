"""DJL Serving's Python engine, as the sandbox plays it: one handler, one request at a time.

After deepjavalibrary/djl-serving 0.30.0, djl_python_engine.py and service_loader.py: the model's folder is on
the import path, the entry point's handle is called once with no content, which loads the model, then once a
request. An exception is answered with 424, a lack of memory with 507.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from djl_python import Input, Output

_OPTION = "option."


def read_properties(path: Path) -> dict[str, str]:
    """serving.properties as name and value; of the format of Java's Properties only this much."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}


class Engine:
    """A handler that has loaded its model."""

    def __init__(self, model_dir: Path) -> None:
        """Import the entry point and have it load the model.

        Raises:
            FileNotFoundError: there is no serving.properties, or no entry point beside it.
            RuntimeError: the handler says that it could not load the model.
        """
        properties = read_properties(model_dir / "serving.properties")
        entry = properties.get(f"{_OPTION}entryPoint", "model.py")
        if not (model_dir / entry).is_file():
            raise FileNotFoundError(f"entry-point file not found {model_dir / entry}")
        self._model_dir = model_dir
        self._finalize: Callable[[], Any] | None = None
        sys.path.append(str(model_dir))
        self._module = importlib.import_module(entry.removesuffix(".py"))
        loading = Input()
        loading.properties = {name.removeprefix(_OPTION): value for name, value in properties.items()}
        output = self._handle(loading)
        if output is not None and output.code >= 300:
            raise RuntimeError(f"Failed to initialize model: {output.message}")

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[int, str, bytes]:
        """Answer one request: HTTP status, content type, body. ``accept`` is empty where none was sent."""
        inputs = Input()
        inputs.properties = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
        inputs.content.add(key="data", value=bytearray(body))
        output = self._outcome(inputs)
        self._finalize = output.execute_finalize
        headers = {name.lower(): value for name, value in output.properties.items()}
        content = output.content
        data = b"" if content.is_empty() else content.get("data") or content.value_at(0)
        return output.code, headers.get("content-type", "application/octet-stream"), bytes(data)

    def answered(self) -> None:
        """The last answer has been sent."""
        finalize, self._finalize = self._finalize, None
        try:
            if finalize is not None:
                finalize()
        except Exception:
            traceback.print_exc()

    def _outcome(self, inputs: Input) -> Output:
        try:
            output = self._handle(inputs)
        except MemoryError as error:
            return Output(code=507, message=str(error))
        except Exception as error:
            traceback.print_exc()
            return Output().error(str(error))
        if output is None:
            return Output(code=204, message="No content")
        if not isinstance(output, Output):
            return Output().error(f"Invalid output type: {type(output)}")
        return output

    def _handle(self, inputs: Input) -> Any:
        inputs.function_name = "handle"
        inputs.properties |= {"device_id": "-1", "model_dir": str(self._model_dir)}
        return self._module.handle(inputs)
