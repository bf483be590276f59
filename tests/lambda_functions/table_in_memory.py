"""DynamoDB's job table in memory: as much of its expressions as image_api/jobs.py writes, faster than
moto, to which test_table_in_memory.py holds it. What it does not know it refuses.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, dict[str, str]]
_TOKEN = re.compile(r"\s*(#\w+|:\w+|\w+|<=|<>|>=|=|<|>|\+|\(|\)|,)")


class ConditionalCheckFailedException(ClientError):  # type: ignore[misc]  # noqa: N818 - boto3's
    """As boto3 makes it of DynamoDB's answer."""


class TableInMemory:
    """A client of DynamoDB that has one table with a sparse index, whichever names it is called with."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self._open: dict[str, set[str]] = {}

    def get_item(self, **asked: Any) -> dict[str, Any]:
        item = self.items.get(asked["Key"]["job_id"]["S"])
        return {} if item is None else {"Item": copy.deepcopy(item)}

    def put_item(self, **asked: Any) -> dict[str, Any]:
        job_id = asked["Item"]["job_id"]["S"]
        self._check(job_id, asked, "PutItem")
        self._store(job_id, copy.deepcopy(asked["Item"]))
        return {}

    def update_item(self, **asked: Any) -> dict[str, Any]:
        job_id = asked["Key"]["job_id"]["S"]
        self._check(job_id, asked, "UpdateItem")
        item = copy.deepcopy(self.items.get(job_id, asked["Key"]))
        _update(_Reader(asked["UpdateExpression"], asked), item)
        self._store(job_id, item)
        return {"Attributes": copy.deepcopy(item)}

    def query(self, **asked: Any) -> dict[str, Any]:
        known = "open_since_bucket = :shard AND updated_at <= :since"
        if asked["KeyConditionExpression"] != known:
            raise NotImplementedError(asked["KeyConditionExpression"])
        shard = asked["ExpressionAttributeValues"][":shard"]["S"]
        since = _value(asked["ExpressionAttributeValues"][":since"])
        found = sorted(
            (_value(self.items[job_id]["updated_at"]), job_id) for job_id in self._open.get(shard, ())
        )
        start = asked.get("ExclusiveStartKey")
        if start is not None:
            after = (_value(start["updated_at"]), start["job_id"]["S"])
            found = [one for one in found if one > after]
        page = [one for one in found if one[0] <= since]
        rows = [
            {name: self.items[job_id][name] for name in ("job_id", "open_since_bucket", "updated_at")}
            for _, job_id in page[: asked["Limit"]]
        ]
        return {"Items": rows, **({"LastEvaluatedKey": rows[-1]} if len(page) > len(rows) else {})}

    def _store(self, job_id: str, item: Item) -> None:
        self.items[job_id] = item
        shard = item.get("open_since_bucket")
        if shard is None:
            self._open.get(job_id[0], set()).discard(job_id)
        else:
            self._open.setdefault(shard["S"], set()).add(job_id)

    def _check(self, job_id: str, asked: dict[str, Any], operation: str) -> None:
        standing = self.items.get(job_id)
        reader = _Reader(asked["ConditionExpression"], asked)
        if not _any(reader, standing or {}):
            answer: dict[str, Any] = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
            if standing is not None and asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                answer["Item"] = copy.deepcopy(standing)
            raise ConditionalCheckFailedException(answer, operation)


class _Reader:
    """The tokens of an expression, with its names and values."""

    def __init__(self, text: str, asked: dict[str, Any]) -> None:
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise NotImplementedError(text)
        self._names = asked.get("ExpressionAttributeNames", {})
        self._values = asked.get("ExpressionAttributeValues", {})

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def next(self, expected: str = "") -> str:
        token = self.tokens.pop(0)
        if expected and token != expected:
            raise NotImplementedError(f"{token} in the place of {expected}")
        return str(token)

    def name(self) -> str:
        token = self.next()
        return str(self._names[token]) if token.startswith("#") else token

    def value(self) -> dict[str, str]:
        found: dict[str, str] = self._values[self.next()]
        return found


def _any(reader: _Reader, item: Item) -> bool:
    holds = _all(reader, item)
    while reader.peek() == "OR":
        reader.next()
        holds = _all(reader, item) or holds
    return holds


def _all(reader: _Reader, item: Item) -> bool:
    holds = _one(reader, item)
    while reader.peek() == "AND":
        reader.next()
        holds = _one(reader, item) and holds
    return holds


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<=": lambda left, right: left <= right,
}


def _one(reader: _Reader, item: Item) -> bool:
    if reader.peek() == "(":
        reader.next()
        holds = _any(reader, item)
        reader.next(")")
        return holds
    name = reader.name()
    if name in ("attribute_exists", "attribute_not_exists"):
        reader.next("(")
        there = reader.name() in item
        reader.next(")")
        return there == (name == "attribute_exists")
    operator = reader.next()
    if operator == "IN":
        reader.next("(")
        values = [reader.value()]
        while reader.peek() == ",":
            reader.next()
            values.append(reader.value())
        reader.next(")")
        return item.get(name) in values
    if operator not in _COMPARE:
        raise NotImplementedError(operator)
    value = reader.value()
    if name not in item:
        return operator == "<>"
    return _COMPARE[operator](_value(item[name]), _value(value))


def _update(reader: _Reader, item: Item) -> None:
    before = dict(item)
    while reader.tokens:
        clause = reader.next()
        while True:
            name = reader.name()
            if clause == "REMOVE":
                item.pop(name, None)
            elif clause == "SET":
                reader.next("=")
                item[name] = _operand(reader, before)
            else:
                raise NotImplementedError(clause)
            if reader.peek() != ",":
                break
            reader.next()


def _operand(reader: _Reader, before: Item) -> dict[str, str]:
    if reader.peek().startswith(":"):
        return reader.value()
    if reader.peek() != "if_not_exists":
        number = before[reader.name()]
        reader.next("+")
        return {"N": f"{_value(number) + _value(reader.value()):g}"}
    reader.next()
    reader.next("(")
    name = reader.name()
    reader.next(",")
    value = reader.value()
    reader.next(")")
    return before.get(name, value)


def _value(attribute: dict[str, str]) -> Any:
    [(kind, value)] = attribute.items()
    return float(value) if kind == "N" else value
