"""The model container, as its image and environment say: which server, how many workers, which limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Container:
    """What a worker runs.

    Attributes:
        model_dir: the model's files, with the serving code in ``code/``.
        environment: the model's container environment, as in CreateModel.
        region: the AWS region that the code sees.
        image: the container image; a Large Model Inference container, whose repository is djl-inference, has
            DJL Serving for its model server, any other SageMaker's inference toolkit.
        isolated: EnableNetworkIsolation: the worker can open no connection.
    """

    model_dir: Path
    environment: Mapping[str, str]
    region: str
    image: str = ""
    isolated: bool = False

    @property
    def server(self) -> Literal["toolkit", "djl"]:
        """The model server in the image."""
        return "djl" if "djl-inference" in self.image else "toolkit"

    @property
    def arguments(self) -> list[str]:
        """What a worker is told."""
        return [self.server, "isolated"] if self.isolated else [self.server]

    @property
    def workers(self) -> int:
        """Workers an instance: the toolkit's default is one, DJL Serving has one on each device."""
        if self.server == "djl":
            return len(self.environment.get("SERVING_LOAD_ON_DEVICES", "nc0").split(";"))
        return int(self.environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", "1"))

    @property
    def default_accept(self) -> str:
        """What the serving code is told when a request does not say what it accepts."""
        if self.server == "djl":
            return ""
        return self.environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")

    @property
    def job_queue_size(self) -> int:
        """Requests that wait for a worker; one more is answered 503. 100 is Multi Model Server's default."""
        return int(self.environment.get("MMS_JOB_QUEUE_SIZE", "100"))

    @property
    def response_seconds(self) -> float:
        """Seconds that the model server waits for a worker, 60 by default."""
        return float(self.environment.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60"))

    def process_environment(self) -> dict[str, str]:
        """The worker's whole environment: nothing of the user's own reaches the model."""
        defaults = {
            "PATH": os.defpath,
            "HOME": str(self.model_dir),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # Workers share the machine's few cores; more threads than that only fight.
            "OMP_NUM_THREADS": "1",
            "SAGEMAKER_PROGRAM": "inference.py",
        }
        return {**defaults, **self.environment, "SM_MODEL_DIR": str(self.model_dir)}
