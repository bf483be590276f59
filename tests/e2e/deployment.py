"""A deployed campaign, seen through AWS's APIs, for tests to ask and to look into."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from darkroom.demo.client import Answer, ImageApi
from darkroom.sandbox.process import SandboxProcess


class Deployment:
    """A campaign in a sandbox."""

    def __init__(self, sandbox: SandboxProcess, name: str) -> None:
        self.sandbox = sandbox
        self.name = name

    def client(self, service: str) -> Any:
        """A boto3 client of the sandbox."""
        return self.sandbox.client(service)

    def output(self, stack: str, key: str) -> str:
        """One output of one of the campaign's stacks."""
        stacks = self.client("cloudformation").describe_stacks(StackName=f"{self.name}-{stack}")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        return str(outputs[key])

    def resource(self, stack: str, resource_type: str, index: int = 0) -> str:
        """The physical id of a stack's resource of that type."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=f"{self.name}-{stack}")[
            "StackResources"
        ]
        ids = [one["PhysicalResourceId"] for one in resources if one["ResourceType"] == resource_type]
        return str(ids[index])

    @cached_property
    def url(self) -> str:
        """The API's URL, without a slash at its end."""
        return self.output("api", "ApiUrl").rstrip("/")

    @cached_property
    def key(self) -> str:
        """The value of the campaign's API key."""
        key_id = self.output("api", "ApiKeyId")
        return str(self.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"])

    @cached_property
    def api(self) -> ImageApi:
        """A client with the campaign's key."""
        return ImageApi(self.url, self.key, timeout_seconds=180)

    @cached_property
    def jobs_table(self) -> str:
        """The job table's name."""
        return self.resource("data", "AWS::DynamoDB::Table")

    def jobs(self) -> list[dict[str, Any]]:
        """Every row of the job table."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.jobs_table)
        return [row for page in pages for row in page["Items"]]

    def written(self) -> tuple[int, int]:
        """How many rows and how many objects the campaign holds."""
        s3 = self.client("s3")
        buckets = [name for name in self.buckets() if "log" not in name]
        keys = [
            entry["Key"]
            for bucket in buckets
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            for entry in page.get("Contents", [])
        ]
        return len(self.jobs()), len(keys)

    def buckets(self) -> list[str]:
        """The campaign's buckets, by name."""
        names = [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]
        return [name for name in names if name.startswith(f"{self.name}-")]

    def endpoint(self) -> Mapping[str, Any]:
        """The endpoint as the sandbox's admin API shows it."""
        return next(one for one in self.sandbox.endpoints() if one["name"] == self.name)

    def drawn(self) -> Counter[str]:
        """How often each job was drawn."""
        drawn: Counter[str] = Counter()
        for inference_id, times in self.endpoint()["by_inference_id"].items():
            drawn[inference_id.partition(".")[0]] += times
        return drawn

    def ask_at_once(self, requests: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Post all requests at the same moment, each on a thread of its own."""
        barrier = threading.Barrier(len(requests))

        def ask(request: Mapping[str, Any]) -> Answer:
            barrier.wait()
            return self.api.ask(request)

        with ThreadPoolExecutor(max_workers=len(requests)) as pool:
            return list(pool.map(ask, requests))
