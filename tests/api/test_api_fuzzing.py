"""Whatever is sent to the API: no 5xx, an answer that its document knows, no trace of what was refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from tests.api.requests_to_fuzz import GOOD, requests_to_fuzz
from tests.api.served_api import DOCUMENT, Answered, Sent, ServedApi, served
from tests.lambda_functions.conftest import campaign, clients, printed
from tests.lambda_functions.local_campaign import Campaign

__all__ = ["campaign", "clients", "printed"]

EXAMPLES, SOAK_RUNS = 2000, 10
PROBLEM = "application/problem+json"


@pytest.fixture
def api(campaign: Campaign, tmp_path: Path) -> Iterator[ServedApi]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def writes(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every call that changes anything: rows, objects, the endpoint's queue."""
    made: list[str] = []

    def before_call(model: Any, **_: Any) -> None:
        if not model.name.startswith(("Get", "Query", "Head", "List")):
            made.append(model.name)

    invoke = campaign.endpoint.invoke_endpoint_async

    def invoke_and_record(**parameters: Any) -> dict[str, str]:
        made.append("InvokeEndpointAsync")
        return invoke(**parameters)

    monkeypatch.setattr(campaign.endpoint, "invoke_endpoint_async", invoke_and_record)
    clients = (campaign.dynamodb, campaign.s3)
    for client in clients:
        client.meta.events.register("before-call", before_call)
    yield made
    for client in clients:
        client.meta.events.unregister("before-call", before_call)


@pytest.fixture
def fuzz(
    api: ServedApi, campaign: Campaign, writes: list[str], capsys: pytest.CaptureFixture[str]
) -> Callable[[int], Counter[int]]:
    """Send so many requests and hold every answer to the rules; returns how often each status came."""

    def run(examples: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        done = _draw(campaign)

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(requests_to_fuzz(api.key, done))
        @example(_post(api.key, json.dumps(GOOD).encode()))
        @example(_post(api.key, b'{"prompt": "' + b"x" * 1_000_000 + b'"}', direct=True))
        @example(_post(api.key, json.dumps(GOOD).encode(), "text/plain"))
        @example(_post("", json.dumps(GOOD).encode()))
        def send(sent: Sent) -> None:
            writes.clear()
            capsys.readouterr()
            answer, operation = _ask(api, sent)
            statuses[answer.status] += 1
            logged = capsys.readouterr().out
            _check_answer(sent, answer, operation)
            if answer.status == 202 and '"CacheMisses"' in logged:
                assert {"PutItem", "PutObject", "InvokeEndpointAsync"} <= set(writes)
            if answer.status >= 400:
                assert writes == [], f"{sent} was refused and left something"
                assert '"CacheHits"' not in logged
                assert '"CacheMisses"' not in logged
            _check_log(sent, logged)

        send()
        return statuses

    return run


def test_no_request_gets_more_than_a_documented_answer_or_leaves_a_trace_when_refused(
    fuzz: Callable[[int], Counter[int]],
) -> None:
    statuses = fuzz(EXAMPLES)
    print(sorted(statuses.items()))
    assert sum(statuses.values()) >= EXAMPLES * 0.9
    # The requests reach what they are for.
    assert {200, 202, 400, 403, 404, 413, 415} <= statuses.keys()


@pytest.mark.soak
@pytest.mark.parametrize("run", range(SOAK_RUNS))
def test_no_request_of_twenty_thousand_gets_more_than_a_documented_answer(
    fuzz: Callable[[int], Counter[int]], run: int
) -> None:
    statuses = fuzz(EXAMPLES)
    print(sorted(statuses.items()))
    assert sum(statuses.values()) >= EXAMPLES


def _post(key: str, body: bytes, content_type: str = "application/json", *, direct: bool = False) -> Sent:
    return Sent("POST", "/v1/images", {"x-api-key": key, "content-type": content_type}, body, direct)


def _draw(campaign: Campaign) -> str:
    """Let a picture be asked for and drawn, so that requests may hit the cache; returns its job's id."""
    job = str(json.loads(campaign.post(GOOD)["body"])["id"])
    campaign.notify(campaign.endpoint.draw(campaign.endpoint.asked[-1]))
    return job


def _is_direct(sent: Sent) -> bool:
    """Whether it goes to the function itself, which is made for the paths that the edge knows."""
    return sent.direct and sent.path.split("?")[0] == "/v1/images"


def _ask(api: ServedApi, sent: Sent) -> tuple[Answered, dict[str, Any] | None]:
    """The answer, and the document's operation that it is held to; None where it has none."""
    path = sent.path.split("?")[0]
    if _is_direct(sent):
        answer = api.call_function(sent, "/v1/images", None)
        return answer, DOCUMENT["paths"]["/v1/images"].get(
            sent.method.lower() if sent.method.isupper() else ""
        )
    method = sent.method.upper()  # the server's own reading: methods are case-sensitive, WSGI's are not
    if path == "/v1/images":
        return api.send(sent), DOCUMENT["paths"]["/v1/images"].get(method.lower())
    head, _, last = path.rpartition("/")
    known = head == "/v1/images" and bool(last)
    return api.send(sent), DOCUMENT["paths"]["/v1/images/{id}"].get(method.lower()) if known else None


def _check_answer(sent: Sent, answer: Answered, operation: dict[str, Any] | None) -> None:
    where = f"{sent} was answered {answer.status} {answer.body[:300]!r}"
    assert answer.status < 500, where
    if sent.method.upper() == "HEAD" and not _is_direct(sent):
        assert answer.body == b"", where
        return
    if operation is None:
        assert answer.status in (403, 404, 405, 413), where
        _check_schema(answer, "Problem", PROBLEM)
        return
    documented = operation["responses"].get(str(answer.status))
    assert documented is not None, f"not documented: {where}"
    ((media_type, content),) = documented["content"].items()
    _check_schema(answer, content["schema"]["$ref"].rsplit("/", 1)[-1], media_type)
    for name in documented.get("headers", {}):
        assert answer.headers.get(name.lower()), f"no {name}: {where}"
    if answer.status >= 400:
        _check_nothing_repeated(sent, answer)


def _check_schema(answer: Answered, name: str, media_type: str) -> None:
    assert answer.headers["content-type"].split(";")[0] == media_type
    document = answer.json()
    schema = {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
    jsonschema.Draft4Validator(schema).validate(document)
    if media_type == PROBLEM:
        assert document.get("status", answer.status) == answer.status


def _check_nothing_repeated(sent: Sent, answer: Answered) -> None:
    """A refusal never says the prompt again."""
    prompt = _prompt(sent)
    if prompt is not None:
        shown = json.dumps(answer.json(), ensure_ascii=False)
        assert prompt not in shown, f"{sent} was repeated: {shown}"


def _check_log(sent: Sent, logged: str) -> None:
    """Nor does a line of the log, which is one JSON document a line, whatever a prompt holds."""
    for line in logged.splitlines():
        json.loads(line)
    prompt = _prompt(sent)
    assert prompt is None or (prompt not in logged and json.dumps(prompt)[1:-1] not in logged)


def _prompt(sent: Sent) -> str | None:
    """The prompt, where it is long enough that only repeating it would show it."""
    try:
        prompt = json.loads(sent.body)["prompt"]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        return None
    return prompt if isinstance(prompt, str) and len(prompt.strip()) >= 8 else None
