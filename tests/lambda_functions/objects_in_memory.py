"""As much of S3 as the functions and the simulated endpoint use, in memory."""

from __future__ import annotations

import io
from typing import Any

from botocore.exceptions import ClientError


class ObjectsInMemory:
    """A client of S3."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, **asked: Any) -> dict[str, str]:
        self.objects[asked["Bucket"], asked["Key"]] = asked["Body"]
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self._find(Bucket, Key, "GetObject", "NoSuchKey"))}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"ContentLength": len(self._find(Bucket, Key, "HeadObject", "404"))}

    def generate_presigned_url(self, *_: Any, **__: Any) -> str:
        return "https://s3.example/signed"

    def _find(self, bucket: str, key: str, operation: str, code: str) -> bytes:
        if (bucket, key) not in self.objects:
            answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 404}}
            raise ClientError(answer, operation)
        return self.objects[bucket, key]
