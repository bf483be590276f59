"""The one operation that is played."""

from __future__ import annotations

import base64
import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.rekognition.responses import RekognitionResponse
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.modelled_errors import modelled_error
from darkroom.sandbox.rekognition.sight import UnreadablePictureError, sight
from darkroom.sandbox.sagemaker.validation import violations

# What AWS assumes where the caller says nothing (API reference, DetectModerationLabels, MinConfidence).
_MINIMUM_CONFIDENCE = 50.0
_MODEL_VERSION = "7.0"


class RekognitionApi(RekognitionResponse):
    """moto's dispatch; its own answers are made up, and none of them is given."""

    def call_action(self) -> Any:
        """Answer DetectModerationLabels; any other operation is refused by name."""
        action = self._get_action()
        if action != "DetectModerationLabels":
            raise NotImplementedError(f"of Rekognition it plays DetectModerationLabels alone, not {action}")
        return super().call_action()

    def detect_moderation_labels(self) -> ActionResult:
        """DetectModerationLabels."""
        request: dict[str, Any] = json.loads(self.body)
        if wrong := violations("rekognition", "DetectModerationLabels", request):
            raise _error("InvalidParameterException", wrong)
        for name in ("HumanLoopConfig", "ProjectVersion"):
            if name in request:
                raise NotImplementedError(f"{name} is not played")
        if sandbox.current().faults.take("throttle_rekognition"):
            raise _error("ProvisionedThroughputExceededException", "Provisioned rate exceeded.")
        minimum = float(request.get("MinConfidence", _MINIMUM_CONFIDENCE))
        name, picture = self._picture(request["Image"])
        try:
            labels = sight.look(name, picture, minimum)
        except UnreadablePictureError as error:
            raise _error(error.code, str(error)) from None
        return ActionResult(
            {"ModerationLabels": labels, "ModerationModelVersion": _MODEL_VERSION, "ContentTypes": []}
        )

    def _picture(self, image: dict[str, Any]) -> tuple[str, bytes]:
        if ("Bytes" in image) == ("S3Object" in image):
            raise _error("InvalidParameterException", "Provide one of Bytes and S3Object.")
        if "Bytes" in image:
            return "bytes", base64.b64decode(image["Bytes"])
        bucket, key = image["S3Object"].get("Bucket", ""), image["S3Object"].get("Name", "")
        try:
            found = s3_backends[self.current_account][get_partition(self.region)].get_object(bucket, key)
        except S3ClientError:
            found = None
        if found is None:
            message = (
                "Unable to get object metadata from S3. Check object key, region and/or access permissions."
            )
            raise _error("InvalidS3ObjectException", message)
        return f"s3://{bucket}/{key}", found.value


def _error(code: str, message: str) -> JsonRESTError:
    return modelled_error("rekognition", code, message)
