"""The tiny bundle published to the sandbox's S3, as it is or with a fault that only serving shows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

TINY = Path(__file__).parents[2] / ".build" / "bundles" / "tiny-sdxl"

Fault = Literal["fails", "slow", "does not load"]

# Put at the end of code/inference.py. Wall seconds: a picture of the tiny model takes a tenth of one.
_FAULTS: dict[Fault, str] = {
    "fails": """
def predict_fn(data, model):
    import time
    time.sleep(1)
    drain.end()
    raise RuntimeError("this bundle draws nothing")
""",
    "slow": """
_draw_at_once = predict_fn
def predict_fn(data, model):
    import time
    time.sleep(5)
    return _draw_at_once(data, model)
""",
    "does not load": """
def model_fn(model_dir):
    raise RuntimeError("this bundle does not load")
""",
}


def publish(s3: Any, bucket: str, prefix: str, fault: Fault | None = None) -> None:
    """Upload the tiny bundle below ``prefix``, its manifest true to what is uploaded."""
    manifest = json.loads((TINY / "bundle.json").read_bytes())
    del manifest["digest"]
    for path, entry in manifest["files"].items():
        content = (TINY / path).read_bytes()
        if fault is not None and path == "code/inference.py":
            content += _FAULTS[fault].encode()
            entry.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        s3.put_object(Bucket=bucket, Key=prefix + path, Body=content)
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    manifest["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    s3.put_object(Bucket=bucket, Key=f"{prefix}bundle.json", Body=json.dumps(manifest).encode())


def unpublish(s3: Any, bucket: str) -> None:
    """Delete the bucket and all that is in it."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket)
