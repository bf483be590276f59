"""The front-end's cache hit against the bare work it can't avoid, and its import against boto3's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks.ratio import Ratio, from_pairs, measure
from darkroom.sandbox.lambda_runtime.packages import python_path, runtime_libraries

REPOSITORY = Path(__file__).resolve().parent.parent
LAYER = REPOSITORY / ".build" / "lambda-layer" / "python"
_TABLE, _BUCKET = "jobs", "pictures"
_RULES = {
    "prompt_maximum": 1000,
    "sizes": [[1024, 1024]],
    "width": 1024,
    "height": 1024,
    "steps": {"minimum": 1, "maximum": 50, "default": 30},
    "guidance_scale": {"minimum": 0.0, "maximum": 20.0, "default": 5.0},
}
_FUNCTION = {
    "CAMPAIGN": "bench",
    "MODEL_ID": "sdxl",
    "JOBS_TABLE": _TABLE,
    "PAYLOADS_BUCKET": "payloads",
    "PICTURES_BUCKET": _BUCKET,
    "ENDPOINT_NAME": "bench",
    "BACKEND": "sagemaker-async",
    "CACHE_SECONDS": "86400",
    "LINK_SECONDS": "900",
    "MAX_ATTEMPTS": "3",
    "REQUEST_TTL_SECONDS": "3600",
    "INVOCATION_TIMEOUT_SECONDS": "900",
    "REQUEST_RULES": json.dumps(_RULES),
    "POWERTOOLS_SERVICE_NAME": "ImageGenerator",
    "POWERTOOLS_METRICS_NAMESPACE": "ImageGenAPI",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
}
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def cache_hit(rounds: int = 400) -> Ratio:
    """A POST that is served from the cache, over a bare GetItem of the same row plus the same presign.

    Both talk to the same DynamoDB over HTTP (moto in a process of its own) with clients of the same
    settings, in turn. The handler's log and metrics are written, to memory.
    """
    with _aws() as url, _environment({**_FUNCTION, **_CREDENTIALS, "AWS_ENDPOINT_URL": url}):
        import boto3

        # The logger keeps the stdout that it finds when it is imported.
        with redirect_stdout(StringIO()):
            from image_api import front
        from image_api.aws import make_clients

        clients = make_clients()
        _make_table(clients.dynamodb)
        boto3.client("s3").create_bucket(Bucket="payloads")
        boto3.client("s3").create_bucket(Bucket=_BUCKET)
        event = _post({"prompt": "A lighthouse on a cliff at dawn, oil on canvas", "seed": 7})
        job_id = _finish_a_job(front.handler, event)

        def bare() -> None:
            clients.dynamodb.get_item(TableName=_TABLE, Key={"job_id": {"S": job_id}}, ConsistentRead=False)
            clients.s3.generate_presigned_url(
                "get_object",
                Params={"Bucket": _BUCKET, "Key": "pictures/x.out", "ResponseContentType": "image/png"},
                ExpiresIn=900,
            )

        def hit() -> None:
            with redirect_stdout(StringIO()):
                answer = front.handler(event, None)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"not a cache hit: {answer}")

        return measure(
            "cache hit over bare GetItem plus presign", hit, bare, goal=1.3, rounds=rounds, warm_up=50
        )


def cold_start(rounds: int = 15) -> Ratio:
    """Importing the front-end with its clients made, over ``import boto3`` and the same three clients.

    With the function's code, its layer and the runtime's libraries alone on the path, as in Lambda.
    """
    base = "import boto3; [boto3.client(name) for name in ('dynamodb', 's3', 'sagemaker-runtime')]"
    with tempfile.TemporaryDirectory() as folder:
        runtime = runtime_libraries(Path(folder) / "runtime")
        path = python_path(REPOSITORY / "lambda", [LAYER.parent], runtime)
        environment = {**os.environ, **_FUNCTION, **_CREDENTIALS, "PYTHONPATH": path}
        pairs = [
            (_python("import image_api.front", environment), _python(base, environment))
            for _ in range(rounds + 2)
        ]
    return from_pairs("front-end import over boto3 import plus clients", pairs[2:], goal=1.5)


def _python(code: str, environment: Mapping[str, str]) -> float:
    """Seconds that ``code`` takes inside a fresh interpreter, the interpreter's own start left out."""
    timed = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    result = subprocess.run(
        # -S: no site-packages, as the local AWS runs functions.
        [sys.executable, "-S", "-c", timed],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout.splitlines()[-1])


def _post(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resource": "/v1/images",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def _finish_a_job(handler: Callable[..., Any], event: dict[str, Any]) -> str:
    """Post a request and finish its job as completion would; its id."""
    from image_api.application import build

    with redirect_stdout(StringIO()):
        job_id = str(json.loads(handler(event, None)["body"])["id"])
    app = build(os.environ, moderates="pictures")
    app.jobs.finish(job_id, f"s3://{_BUCKET}/pictures/x.out", app.now(), app.expiry())
    return job_id


def _make_table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName=_TABLE,
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "job_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@contextmanager
def _aws() -> Iterator[str]:
    """moto's server in a process of its own; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(f"{url}/moto-api/", timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"moto did not start at {url}")


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    sys.path.insert(0, str(REPOSITORY / "lambda"))
    try:
        yield
    finally:
        sys.path.remove(str(REPOSITORY / "lambda"))
        os.environ.clear()
        os.environ.update(before)
