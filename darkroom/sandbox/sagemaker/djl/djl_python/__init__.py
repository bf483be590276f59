"""The part of DJL Serving's djl_python that a handler is written against.

Input and Output have the names, defaults and results of version 0.30.0 (deepjavalibrary/djl-serving, branch
0.30.0-dlc, engines/python/setup/djl_python/inputs.py and outputs.py), as far as they need no numpy and no
stream; what is not there raises AttributeError. Written for the sandbox and for tests: in the container the
real package is found instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class PairList:
    """Keys and values in order; a key may be None and may come twice."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.values: list[Any] = []

    def add(self, key: str | None = None, value: Any = None) -> None:
        """Append a pair; a value of None is ignored."""
        if value is not None:
            self.keys.append(key)
            self.values.append(value)

    def size(self) -> int:
        return len(self.keys)

    def is_empty(self) -> bool:
        return not self.keys

    def get(self, key: str | None) -> Any:
        """The first value under ``key``, or None."""
        return self.values[self.keys.index(key)] if key in self.keys else None

    def value_at(self, index: int) -> Any:
        return self.values[index]


class Input:
    """A request: its headers as properties, its body as content under the key ``data``."""

    def __init__(self) -> None:
        self.function_name: str | None = None
        self.properties: dict[str, str] = {}
        self.content = PairList()

    def is_empty(self) -> bool:
        """Whether this is the engine's call to load the model."""
        return self.content.is_empty()

    def is_batch(self) -> bool:
        return "batch_size" in self.properties

    def get_function_name(self) -> str | None:
        return self.function_name

    def get_properties(self) -> dict[str, str]:
        return self.properties

    def get_property(self, key: str) -> str | None:
        """A property, whatever the case of its name; None when there is none."""
        return next((value for name, value in self.properties.items() if name.lower() == key.lower()), None)

    def get_content(self) -> PairList:
        return self.content

    def contains_key(self, key: str) -> bool:
        return self.content.get(key) is not None

    def get_as_bytes(self, key: str | None = None) -> Any:
        """The content under ``key``, or ``data``, or the first; None when there is none.

        Raises:
            KeyError: there is nothing under ``key``.
        """
        if self.content.is_empty():
            return None
        found = self.content.get(key or "data")
        if key and found is None:
            raise KeyError(f"requested data for key:{key} is not found!")
        return self.content.value_at(0) if found is None else found

    def get_as_string(self, key: str | None = None) -> str:
        return str(self.get_as_bytes(key=key).decode("utf-8"))

    def get_as_json(self, key: str | None = None) -> Any:
        return json.loads(self.get_as_string(key=key))


class Output:
    """An answer: an HTTP status, headers as properties, a body as content."""

    def __init__(self, code: int = 200, message: str = "OK") -> None:
        self.code = code
        self.message = message
        self.properties: dict[str, str] = {}
        self.content = PairList()
        self.finalize_function: Callable[..., Any] | None = None
        self.finalize_args: tuple[Any, ...] | None = None

    def set_code(self, code: int) -> Output:
        self.code = code
        return self

    def set_message(self, message: str) -> Output:
        self.message = message
        return self

    def error(self, error: str, code: int = 424, message: str = "prediction failure") -> Output:
        """Become a failure with the body {"code", "message", "error"}."""
        self.code, self.message = code, message
        self.add_property("content-type", "application/json")
        return self.add_as_json({"code": code, "message": message, "error": error})

    def add_property(self, key: str, val: str) -> Output:
        self.properties[key] = val
        return self

    def add(self, value: Any, key: str | None = None) -> Output:
        """Add content: text, bytes, or anything that JSON can say."""
        if isinstance(value, str):
            self.content.add(key=key, value=value.encode("utf-8"))
        elif isinstance(value, bytes | bytearray):
            self.content.add(key=key, value=bytearray(value))
        else:
            self.content.add(key=key, value=_encode_json(value))
        return self

    def add_as_json(self, val: Any, key: str | None = None) -> Output:
        return self.add(_encode_json(val), key=key)

    def finalize(self, finalize_function: Callable[..., Any], *args: Any) -> Output:
        """Have a function called when the answer has been sent."""
        self.finalize_function, self.finalize_args = finalize_function, args
        return self

    def execute_finalize(self) -> Any:
        if self.finalize_function:
            return self.finalize_function(*(self.finalize_args or ()))
        return None


def _encode_json(value: Any) -> bytearray:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, separators=(",", ":"))
    return bytearray(text.encode("utf-8"))
