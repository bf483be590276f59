"""Service Quotas: what an account of the sandbox may have.

The names are AWS's (its console, "Service Quotas"); the codes are the sandbox's own, and so are the values
for SageMaker, since a new account of AWS begins with none or few. The others are AWS's published defaults.
"""

from __future__ import annotations

import json
from typing import Any

from moto.servicequotas import urls
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

from darkroom.sandbox.context import Context

_INSTANCE_TYPES = ("ml.inf2.xlarge", "ml.inf2.8xlarge", "ml.inf2.24xlarge", "ml.inf2.48xlarge")
_INSTANCES = 64.0

# Where SageMaker has Inferentia2 differs by region; the sandbox plays one that has all of it.
QUOTAS: dict[str, dict[str, float]] = {
    "sagemaker": {f"{kind} for endpoint usage": _INSTANCES for kind in _INSTANCE_TYPES},
    "lambda": {"Concurrent executions": 1000.0},
    "vpc": {"VPCs per Region": 5.0},
}


def install(_context: Context) -> None:
    """Let moto's Service Quotas list them."""
    urls.url_paths["{0}/$"] = Response.dispatch


class Response(ServiceQuotasResponse):
    """One request."""

    @property
    def backend(self) -> ServiceQuotasBackend:
        """moto's own; it knows the VPC's quotas alone."""
        found: ServiceQuotasBackend = servicequotas_backends[self.current_account][self.region]
        return found

    def list_service_quotas(self) -> str:
        """The quotas that apply, all on one page."""
        service = json.loads(self.body)["ServiceCode"]
        return json.dumps({"Quotas": [_quota(service, *one) for one in QUOTAS.get(service, {}).items()]})


def _quota(service: str, name: str, value: float) -> dict[str, Any]:
    code = f"L-{sum(map(ord, name)):08X}"
    return {"ServiceCode": service, "QuotaCode": code, "QuotaName": name, "Value": value, "Adjustable": True}
