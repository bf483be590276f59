"""Payloads that no model can draw, as many as asked for: what clients, proxies and strangers send."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Payload = dict[str, Any]

WRONG_VALUES: dict[str, tuple[Any, ...]] = {
    "prompt": ("", "   ", None, 7, True, ["a"], {"a": 1}, "a\0b", "half a pair \ud83d"),
    "negative_prompt": (None, 0, False, [], {}, "\0", "\udc00"),
    "seed": (-1, 2**64, 10**400, 1.5, "7", None, True, [], float("nan")),
    "steps": (0, -4, 10**9, 2.5, "4", None, False, {}, float("inf"), float("nan")),
    "guidance_scale": (-0.1, 1e9, float("nan"), float("inf"), -float("inf"), "5", None, True, []),
    "width": (0, -128, 127, 10**9, 128.0, "128", None, True, [128], float("nan")),
    "height": (0, -128, 127, 10**9, 128.0, "128", None, False, {}, float("inf")),
}


def malformed_payloads(
    valid: Payload, count: int, *, seed: int = 0, longest: int = 100_000
) -> Iterator[bytes]:
    """``count`` payloads, each made from ``valid`` in one of the ways below; the same for the same seed.

    Args:
        longest: bytes of the largest payload, about.
    """
    source = random.Random(seed)  # noqa: S311 - to be the same again is the point
    ways: tuple[Callable[[random.Random, Payload, int], bytes], ...] = (
        _wrong_value,
        _several_wrong_values,
        _missing_fields,
        _unknown_fields,
        _other_document,
        _cut_off,
        _one_byte_too_many,
        _binary,
        _deep,
        _huge,
    )
    for number in range(count):
        yield ways[number % len(ways)](source, dict(valid), longest)


def _dump(content: Any) -> bytes:
    return json.dumps(content).encode()


def _wrong_value(source: random.Random, valid: Payload, _longest: int) -> bytes:
    name = source.choice(sorted(WRONG_VALUES))
    return _dump(valid | {name: source.choice(WRONG_VALUES[name])})


def _several_wrong_values(source: random.Random, valid: Payload, _longest: int) -> bytes:
    names = source.sample(sorted(WRONG_VALUES), source.randint(2, len(WRONG_VALUES)))
    return _dump(valid | {name: source.choice(WRONG_VALUES[name]) for name in names})


def _missing_fields(source: random.Random, valid: Payload, _longest: int) -> bytes:
    for name in source.sample(sorted(valid), source.randint(1, len(valid))):
        del valid[name]
    # A prompt alone is a payload of the container's own handler.
    return _dump({} if valid.keys() == {"prompt"} else valid)


def _unknown_fields(source: random.Random, valid: Payload, _longest: int) -> bytes:
    extra = {f"field{source.randint(0, 9**9)}": source.random() for _ in range(source.randint(1, 50))}
    return _dump(valid | extra)


def _other_document(source: random.Random, valid: Payload, _longest: int) -> bytes:
    others: tuple[Any, ...] = (
        None,
        True,
        0,
        1e308,
        "",
        "{}",
        [],
        [valid],
        {"prompt": valid},
        {"inputs": valid},
    )
    return _dump(source.choice(others))


def _cut_off(source: random.Random, valid: Payload, _longest: int) -> bytes:
    whole = _dump(valid)
    return whole[: source.randrange(len(whole))]


def _one_byte_too_many(source: random.Random, valid: Payload, _longest: int) -> bytes:
    whole = _dump(valid)
    place = source.choice((0, len(whole)))
    return whole[:place] + source.choice((b"}", b",", b"\x00", b"\xff", b"{", b"x")) + whole[place:]


def _binary(source: random.Random, _valid: Payload, _longest: int) -> bytes:
    # A head that no encoding of JSON begins with.
    return source.choice((b"\x89PNG\r\n", b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY")) + source.randbytes(200)


def _deep(source: random.Random, valid: Payload, longest: int) -> bytes:
    depth = source.choice((2_000, longest // 8))
    nested = source.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth))
    return _dump(valid)[:-1] + b', "more": ' + nested + b"}"


def _huge(source: random.Random, valid: Payload, longest: int) -> bytes:
    size = source.randint(longest // 2, longest)
    if source.random() < 0.5:
        return _dump(valid)[:-1] + b', "seed": ' + b"9" * size + b"}"
    return _dump(valid | {"filler": "x" * size})
