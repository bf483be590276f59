"""Faults of the calls that Lambda functions make of AWS, by caller, service and operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from darkroom.sandbox.occasions import Occasions, is_count

Kind = Literal["throttle", "fail", "lose-answer", "crash-before", "crash-after"]
_FIELDS = frozenset({"kind", "function", "service", "operation", "after", "occasions"})


@dataclass
class CallFault:
    """One fault of some of the calls.

    Attributes:
        kind: ``throttle``, AWS refuses in the way that the service throttles; ``fail``, it answers 500
            without having done anything; ``lose-answer``, it does what was asked and answers 500;
            ``crash-before`` and ``crash-after``, the function's process is killed before or after AWS has
            done what was asked, and gets no answer.
        function: a part of the function's name, in capitals or not; empty for every function.
        service: as requests are signed: dynamodb, s3, sagemaker, sqs, ...; empty for every service.
        operation: such as UpdateItem; empty for every operation.
        after: how many of the calls pass first.
        occasions: which of the calls after that it comes to.
    """

    kind: Kind
    function: str = ""
    service: str = ""
    operation: str = ""
    after: int = 0
    occasions: Occasions = field(default_factory=lambda: Occasions(1))
    seen: int = 0

    def takes(self, function: str, service: str, operation: str) -> bool:
        """Whether it comes to this call, which counts."""
        if self.function.lower() not in function.lower():
            return False
        if (self.service or service, self.operation or operation) != (service, operation):
            return False
        self.seen += 1
        return self.seen > self.after and self.occasions.take()

    def as_dict(self) -> dict[str, Any]:
        """As it was ordered, with what is left of it and how many calls were seen."""
        return {
            "kind": self.kind,
            "function": self.function,
            "service": self.service,
            "operation": self.operation,
            "after": self.after,
            "occasions": self.occasions.shown(),
            "seen": self.seen,
        }

    @classmethod
    def parse(cls, value: Any) -> CallFault:
        """A fault out of its JSON object.

        Raises:
            ValueError: something about it is wrong, and what would be right.
        """
        if not isinstance(value, Mapping) or not value.keys() <= _FIELDS:
            raise ValueError(f"a call's fault is {value!r}: give an object of {sorted(_FIELDS)}")
        if value.get("kind") not in get_args(Kind):
            raise ValueError(f"kind is {value.get('kind')!r}; there are {', '.join(get_args(Kind))}")
        texts = {name: value.get(name, "") for name in ("function", "service", "operation")}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise ValueError(f"{name} is {text!r}: give a text")
        after = value.get("after", 0)
        if not is_count(after):
            raise ValueError(f"after is {after!r}: give how many calls pass first")
        occasions = Occasions.parse("occasions", value.get("occasions", 1))
        return cls(kind=value["kind"], after=after, occasions=occasions, **texts)
