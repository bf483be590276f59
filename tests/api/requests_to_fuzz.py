"""Hypothesis strategies of requests: from the API's own document, and from what no document foresees."""

from __future__ import annotations

import gzip
import json
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.generation.case import Case

from tests.api.served_api import DOCUMENT, Sent

_BASE = "http://localhost"
_SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
_OPERATIONS = (("/v1/images", "POST"), ("/v1/images/{id}", "GET"))
_JSON = "application/json"

GOOD = {"prompt": "a lighthouse at dusk, raw"}
"""A request that is right; the strategies send it as it is, and bent."""


def requests_to_fuzz(key: str, job_id: str) -> st.SearchStrategy[Sent]:
    """Every kind of request; nearly all of them with the right key, for without it all are alike.

    Args:
        job_id: a job that is there.
    """
    kinds = [
        *(_of_document(path, method, mode, key) for path, method in _OPERATIONS for mode in GenerationMode),
        _near_misses(key),
        _near_misses(key),
        _raw_posts(key),
        _raw_posts(key),
        _raw(key, job_id),
    ]
    return st.one_of(*kinds)


def _of_document(path: str, method: str, mode: GenerationMode, key: str) -> st.SearchStrategy[Sent]:
    """What the document says is right (positive), or one thing wrong with it (negative)."""
    cases = _SCHEMA[path][method].as_strategy(generation_mode=mode)
    return st.builds(_sent, cases, _keys(key), st.booleans())


def _keys(key: str) -> st.SearchStrategy[str | None]:
    """The right key ten times in twelve; else what the case says (None), or none (the empty one)."""
    return st.sampled_from([key] * 10 + [None, ""])


def _sent(case: Case[Any], key: str | None, direct: bool) -> Sent:
    arguments = case.as_transport_kwargs(base_url=_BASE)
    known = ("method", "url", "headers", "json", "data", "params", "files")
    prepared = requests.Request(**{name: arguments[name] for name in known if name in arguments}).prepare()
    headers = {name: _text(value) for name, value in prepared.headers.items()}
    headers.pop("X-Schemathesis-TestCaseId", None)
    if key is not None:
        headers = {name: value for name, value in headers.items() if name.lower() != "x-api-key"}
        headers |= {"x-api-key": key} if key else {}
    body = prepared.body or b""
    path = str(prepared.url).removeprefix(_BASE)
    return Sent(
        str(prepared.method),
        path,
        headers,
        _bytes(body),
        direct and case.path == "/v1/images",
    )


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else b""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# --- Bodies at the edge of what is right

_NUMBERS = st.sampled_from(
    [
        0,
        -0.0,
        1,
        -1,
        4.0,
        8,
        9,
        20,
        20.000001,
        128,
        256,
        2**31,
        2**32 - 1,
        2**32,
        10**400,
        1e308,
        True,
        None,
        "4",
    ]
)
_CHARACTERS = st.one_of(
    st.characters(),
    st.sampled_from("\u0000\u001f\u007f\u0085\u00a0\u0958\u200b\u2028\ufb1d\ufdfa\ufeff\U0001f600 \t"),
)
# 100 is the most characters here; some grow when they are brought to normal form C.
_TEXT = st.one_of(
    st.text(_CHARACTERS, max_size=12),
    st.builds(
        lambda character, size: character * size, _CHARACTERS, st.sampled_from([33, 34, 50, 99, 100, 101])
    ),
    st.sampled_from(
        [
            '<script>alert("x")</script>',
            "../../etc/passwd",
            "${jndi:ldap://x}",
            "'; DROP TABLE jobs",
            "{{7*7}}",
        ]
    ),
)
_FIELDS = dict.fromkeys(("seed", "steps", "guidance_scale", "width", "height"), _NUMBERS)


def _near_misses(key: str) -> st.SearchStrategy[Sent]:
    """JSON objects of the right names whose values lie at and beyond the limits."""
    bodies = st.fixed_dictionaries({"prompt": _TEXT}, optional={"negative_prompt": _TEXT, **_FIELDS})
    return st.builds(_json_request, bodies, st.just(key), st.booleans(), st.booleans())


def _json_request(body: dict[str, Any], key: str, ascii_only: bool, direct: bool) -> Sent:
    # A lone surrogate can only be sent as an escape.
    lone = any("\ud800" <= character <= "\udfff" for value in body.values() for character in str(value))
    text = json.dumps(body, ensure_ascii=ascii_only or lone)
    headers = {"x-api-key": key, "content-type": _JSON}
    return Sent("POST", "/v1/images", headers, text.encode(), direct)


# --- What no document foresees

_GOOD = json.dumps(GOOD).encode()
_ODD_BODIES = [
    _GOOD,
    b'{"prompt": "a twin, raw", "prompt": "a second twin, raw"}',
    b'{"prompt": "a", "seed": 1, "seed": 2}',
    b'{"prompt": "\\ud800"}',
    b'{"prompt": "a", "seed": 1e999}',
    b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}",
    b'{"prompt": "a", "steps": NaN}',
    b'{"prompt": "a", "guidance_scale": -Infinity}',
    b'{"prompt": "a"} {}',
    b'{"prompt": "a",}',
    b"\xef\xbb\xbf" + _GOOD,
    _GOOD.decode().encode("utf-16"),
    _GOOD.decode().encode("utf-32"),
    '{"prompt": "\u00e9t\u00e9, raw"}'.encode("latin-1"),
    gzip.compress(_GOOD, mtime=0),
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"prompt": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"prompt": "' + b"x" * 1_000_000 + b'"}',
    b'{"prompt": "a", "' + b"y" * 30_000 + b'": 1}',
    b"{" + b", ".join(b'"%d": %d' % (i, i) for i in range(3000)) + b"}",
    b"null",
    b"true",
    b"0",
    b'"prompt"',
    b"prompt=a+lighthouse",
    b"",
]
# By their place in the list: one of them is a megabyte, too long to show in a strategy.
_BODIES = st.binary(max_size=64) | st.integers(0, len(_ODD_BODIES) - 1).map(_ODD_BODIES.__getitem__)
_PATHS = st.one_of(
    st.sampled_from(
        [
            "/v1/images",
            "/v1/images",
            "/v1/images",
            "/v1/images/",
            "/v1/images/0123456789abcdef0123456789abcdef",
            "/v1/images/0123456789ABCDEF0123456789ABCDEF",
            "/v1/images/0123456789abcdef0123456789abcdef/x",
            "/v1/images/..%2f..%2fsecret",
            "/v1/images/%00",
            "/v1/images/%",
            "/v1/images/%ff%fe",
            "/v1/images?prompt=a",
            "/v1//images",
            "/v1/../v1/images",
            "/V1/IMAGES",
            "",
            "/",
            "/favicon.ico",
            "/v1/images/" + "a" * 8000,
        ]
    ),
    st.text("/%.?&=abcdef0123456789", max_size=40).map(lambda text: "/" + text),
)
_METHODS = st.sampled_from(
    [
        "POST",
        "POST",
        "POST",
        "GET",
        "GET",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "HEAD",
        "TRACE",
        "BREW",
        "post",
    ]
)
_TOKENS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.one_of(
            st.sampled_from(
                [
                    _JSON,
                    "application/json; charset=utf-8",
                    "application/json; charset=latin-1",
                    "APPLICATION/JSON",
                    "application/problem+json",
                    "text/plain",
                    "application/x-www-form-urlencoded",
                    "multipart/form-data",
                    ";",
                    "",
                ]
            ),
            _TOKENS,
        ),
        "content-encoding": st.sampled_from(["gzip", "identity", "br", "nonsense"]),
        "accept": st.one_of(st.sampled_from(["*/*", "text/html", "image/png", ""]), _TOKENS),
        "authorization": _TOKENS,
        "x-amzn-trace-id": _TOKENS,
        "x-forwarded-for": _TOKENS,
        "range": st.just("bytes=0-1"),
        "expect": st.just("100-continue"),
        "if-none-match": st.just("*"),
        "x-http-method-override": st.just("DELETE"),
    },
)


def _raw_posts(key: str) -> st.SearchStrategy[Sent]:
    """Any headers and bytes where images are asked for."""
    return st.builds(Sent, st.just("POST"), st.just("/v1/images"), _headers(key), _BODIES, st.booleans())


def _raw(key: str, job_id: str) -> st.SearchStrategy[Sent]:
    """Any method, path, headers and bytes."""
    paths = st.just(f"/v1/images/{job_id}") | _PATHS
    return st.builds(Sent, _METHODS, paths, _headers(key), _BODIES, st.booleans())


def _headers(key: str) -> st.SearchStrategy[dict[str, str]]:
    return st.builds(
        lambda given, value: given | ({"x-api-key": value} if value else {}), _HEADERS, _keys(key)
    )
