"""A training container's files, command and environment, played by a folder and a process.

The container sees its files below /opt/ml; here they are below a folder of the job's own. So every argument
and every environment variable that begins with that path begins with the folder's instead.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox.context import Settings
from darkroom.sandbox.sagemaker.configuration import UnplayedError

_ROOT = "/opt/ml"
_SESSION_SECONDS = 12 * 3600
_MOST_SHOWN = 1024


class Container:
    """What one training job runs, in which folder."""

    def __init__(self, request: Mapping[str, Any], folder: Path) -> None:
        """
        Raises:
            UnplayedError: the container's own entry point would run, which is not here.
        """
        self._request = request
        self.folder = folder
        algorithm = request["AlgorithmSpecification"]
        if not algorithm.get("ContainerEntrypoint"):
            raise UnplayedError("a training image's own entry point: give ContainerEntrypoint")
        command = [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]
        self.command = [self.mapped(part) for part in command]

    @property
    def model(self) -> Path:
        """What is uploaded at the end."""
        return self.folder / "model"

    @property
    def checkpoints(self) -> Path | None:
        """What is kept in S3 from job to job, if anything is."""
        config = self._request.get("CheckpointConfig")
        return Path(self.mapped(config.get("LocalPath") or f"{_ROOT}/checkpoints")) if config else None

    def channel(self, name: str) -> Path:
        """The folder of an input channel."""
        return self.folder / "input" / "data" / name

    def mapped(self, path: str) -> str:
        """A path of the container as it is here; any other text as it is."""
        return (
            str(self.folder) + path.removeprefix(_ROOT) if path.split("/")[:3] == ["", "opt", "ml"] else path
        )

    def prepare(self) -> None:
        """Make the folders and the configuration that SageMaker gives a container."""
        for name in ("input/config", "input/data", "model", "output/data"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if self.checkpoints is not None:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        resource = self._request["ResourceConfig"]
        config = {
            "hyperparameters": self._request.get("HyperParameters") or {},
            "inputdataconfig": {
                one["ChannelName"]: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
                for one in self._request.get("InputDataConfig") or []
            },
            "resourceconfig": {
                "current_host": "algo-1",
                "current_instance_type": resource["InstanceType"],
                "hosts": ["algo-1"],
                "network_interface_name": "lo",
            },
        }
        for name, content in config.items():
            path = self.folder / "input" / "config" / f"{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")

    def environment(self, settings: Settings, *, account_id: str, region: str, arn: str) -> dict[str, str]:
        """The process's whole environment: nothing of the user's own but where Python is."""
        given = {name: self.mapped(value) for name, value in (self._request.get("Environment") or {}).items()}
        session = sts_backends[account_id][get_partition(region)].assume_role(
            region_name=region,
            role_session_name="SageMaker",
            role_arn=self._request["RoleArn"],
            policy="",
            duration=_SESSION_SECONDS,
            external_id="",
        )
        return {
            # python3 is the sandbox's own, with the packages that AWS's containers bring.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": settings.url,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "TRAINING_JOB_NAME": self._request["TrainingJobName"],
            "TRAINING_JOB_ARN": arn,
            **given,
        }

    def failure(self) -> str:
        """What the algorithm wrote of its failure."""
        path = self.folder / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace")[:_MOST_SHOWN] if path.is_file() else ""
