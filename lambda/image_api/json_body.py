"""A request body read strictly: what JSON leaves open (RFC 8259) is refused, not guessed at."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, NoReturn

from image_api.problem import FieldError, Problem

# Beyond this no field of ours is valid, and Python refuses to read some of them (sys.get_int_max_str_digits).
_NUMBER_LENGTH = 64


class _DuplicateMemberError(Exception):
    """An object names one member twice."""


def read(body: str | None, *, is_base64: bool, maximum: int) -> Any:
    """The JSON value in an API Gateway event's ``body``.

    Args:
        body: the event's body, text or base64 as API Gateway saw fit.
        is_base64: the event's ``isBase64Encoded``.
        maximum: most bytes that the decoded body may have.

    Raises:
        Problem: 400 for what is no JSON, 413 for what is too long.
    """
    if not body:
        raise Problem(400, 'The body is empty; it must be a JSON object such as {"prompt": "a red fox"}.')
    if len(body) > 2 * maximum:  # no need to decode it: base64 is 4/3 as long
        raise _too_long(maximum)
    text = _decode(body) if is_base64 else body
    if len(text.encode("utf-8", "surrogatepass")) > maximum:
        raise _too_long(maximum)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_parse_integer,
        )
    except _DuplicateMemberError:
        error = FieldError("", "uniqueNames", "an object that names each member once")
        raise Problem(400, "The body names a member twice.", [error]) from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply; it must be one flat JSON object.") from None
    except ValueError as error:
        where = (
            f" at line {error.lineno}, column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise Problem(400, f"The body is not JSON (RFC 8259){where}.") from None


def _decode(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Problem(400, "The body is not UTF-8 text; JSON must be encoded in UTF-8.") from None


def _too_long(maximum: int) -> Problem:
    return Problem(413, f"The body is longer than {maximum} bytes, which no valid request is.")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise _DuplicateMemberError
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_integer(digits: str) -> int | float:
    # Too many digits for any rule of ours: infinity, which every rule refuses.
    return (
        int(digits)
        if len(digits) <= _NUMBER_LENGTH
        else math.copysign(math.inf, -1 if digits[0] == "-" else 1)
    )
