"""What a web ACL says to a request, and what it keeps of it: metrics, and a log of whom it blocked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from moto.logs.models import logs_backends
from moto.utilities.arns import parse_arn
from moto.wafv2.models import FakeWebACL, wafv2_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.service_metrics import Metric, ServiceMetrics
from darkroom.sandbox.wafv2.rates import Rates
from darkroom.sandbox.wafv2.rules import rate_rule

_DEFAULT = "Default_Action"


@dataclass(frozen=True)
class Inspected:
    """What WAF sees of a request at a stage; headers by lower-case name."""

    account_id: str
    region: str
    api_id: str
    stage: str
    address: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    request_id: str

    @property
    def stage_arn(self) -> str:
        """The protected resource."""
        return f"arn:aws:apigateway:{self.region}::/restapis/{self.api_id}/stages/{self.stage}"


@dataclass(frozen=True)
class Blocked:
    """Why a request is not let in."""

    rule: str
    kind: str


class Firewall:
    """Evaluates the web ACLs of all stages. Windows run by the sandbox's clock."""

    def __init__(self, context: Context, metrics: ServiceMetrics) -> None:
        self._clock = context.clock
        self._rates = Rates()
        self._metrics = metrics

    def inspect(self, request: Inspected) -> Blocked | None:
        """The web ACL's decision, measured and logged; None when the request may go on."""
        acl = wafv2_backends[request.account_id][request.region].get_web_acl_for_resource(request.stage_arn)
        if acl is None:
            return None
        blocked = self._decide(acl, request)
        self._measure(acl, request, blocked)
        if blocked is not None:
            self._log(acl, request, blocked)
        return blocked

    def _decide(self, acl: FakeWebACL, request: Inspected) -> Blocked | None:
        for entry in sorted(acl.rules, key=lambda one: one.priority):
            rule = rate_rule(entry.to_dict())
            if rule is None:
                continue
            name = (acl.arn, rule.name, request.address)
            if self._rates.count(name, rule.window_seconds, self._clock.now()) > rule.limit:
                return Blocked(rule.name, "RATE_BASED")
        return Blocked(_DEFAULT, "REGULAR") if "Block" in acl.default_action else None

    def _measure(self, acl: FakeWebACL, request: Inspected, blocked: Blocked | None) -> None:
        """https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html."""
        name = "BlockedRequests" if blocked else "AllowedRequests"
        rules = ["ALL"]
        rules += [
            str(entry.visibility_config["MetricName"])
            for entry in acl.rules
            if blocked is not None and entry.name == blocked.rule
        ]
        for rule in rules:
            dimensions = (
                ("Region", request.region),
                ("Rule", rule),
                ("WebACL", str(acl.visibility_config["MetricName"])),
            )
            self._metrics.add(
                Metric(request.account_id, request.region, "AWS/WAFV2", name, dimensions, "Count"), 1.0
            )

    def _log(self, acl: FakeWebACL, request: Inspected, blocked: Blocked) -> None:
        """https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html."""
        backend = wafv2_backends[request.account_id][request.region]
        settings = backend.logging_configurations.get(acl.arn)
        if settings is None:
            return
        moment = int(self._clock.now() * 1000)
        line = json.dumps(
            {
                "timestamp": moment,
                "formatVersion": 1,
                "webaclId": acl.arn,
                "terminatingRuleId": blocked.rule,
                "terminatingRuleType": blocked.kind,
                "action": "BLOCK",
                "httpSourceName": "APIGW",
                "httpSourceId": f"{request.account_id}:{request.api_id}:{request.stage}",
                "httpRequest": _shown(request, settings.redacted_fields or []),
            }
        )
        for destination in settings.log_destination_configs:
            arn = parse_arn(destination)
            group = logs_backends[arn.account][arn.region].groups.get(arn.resource_id)
            if group is None:
                continue
            stream = f"{request.region}_{acl.name}_0"
            if stream not in group.streams:
                group.create_log_stream(stream)
            group.put_log_events(stream, [{"timestamp": moment, "message": line}])


def _shown(request: Inspected, redacted: Any) -> dict[str, Any]:
    """The request without its body, and without the headers that are redacted."""
    hidden = {field["SingleHeader"]["Name"].lower() for field in redacted if "SingleHeader" in field}
    seen = asdict(request)
    return {
        "clientIp": seen["address"],
        "headers": [
            {"name": name, "value": "REDACTED" if name in hidden else value}
            for name, value in request.headers.items()
        ],
        "uri": seen["path"],
        "args": seen["query"],
        "httpMethod": seen["method"],
        "requestId": seen["request_id"],
    }
