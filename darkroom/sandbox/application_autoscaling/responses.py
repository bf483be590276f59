"""The calls that moto's Application Auto Scaling lacks, or takes more of than AWS does."""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

_PAGE = 50


class SandboxScalingResponse(ApplicationAutoScalingResponse):
    """Application Auto Scaling's API."""

    def describe_scalable_targets(self) -> str:
        """DescribeScalableTargets; AWS takes a dimension only together with resource ids."""
        if self._get_param("ScalableDimension") and not self._get_param("ResourceIds"):
            raise AWSValidationException("ResourceIds must be given where ScalableDimension is")
        return str(super().describe_scalable_targets())

    def describe_scaling_activities(self) -> str:
        """DescribeScalingActivities, newest first, a page at a time."""
        self._validate_params()
        backend: Any = applicationautoscaling_backends[self.current_account][self.region]
        wanted = self._get_param("ResourceId")
        found = [activity for activity in backend.activities if wanted in (None, activity.resource_id)]
        first = int(self._get_param("NextToken") or 0)
        last = first + int(self._get_param("MaxResults") or _PAGE)
        token = {"NextToken": str(last)} if last < len(found) else {}
        page = [activity.response() for activity in found[first:last]]
        return json.dumps({"ScalingActivities": page, **token})
