"""What runs in Lambda: the code of lambda/ and the layer that `make setup` builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

REPOSITORY = Path(__file__).resolve().parents[1]


class NotBuiltError(Exception):
    """Something that is built before synth is not there."""


@dataclass(frozen=True)
class LambdaCode:
    """Where the functions' code and their layer are.

    Attributes:
        root: the root of the functions' import path.
        layer: the layer's zip file, with the packages in ``python/``.
    """

    root: Path = REPOSITORY / "lambda"
    layer: Path = REPOSITORY / ".build" / "lambda-layer.zip"

    def check(self) -> None:
        """Refuse a layer that was not built.

        Raises:
            NotBuiltError: with the command that builds it.
        """
        if not self.layer.is_file():
            raise NotBuiltError(f"{self.layer} is not there: run `make setup`")

    def package(self, *names: str) -> lambda_.Code:
        """One package of lambda/, or several, as an asset that has nothing else in it."""
        others = [path.name for path in self.root.iterdir() if path.name not in names]
        return lambda_.Code.from_asset(str(self.root), exclude=[*others, "__pycache__", "*.pyc"])

    def moderation_rules(self, content: bytes, digest: str) -> lambda_.Code:
        """A layer with the one file that image_api/moderation/rules.py reads, kept beside the other's."""
        folder = self.layer.parent / "moderation-rules" / digest
        path = folder / "python" / "moderation_rules" / "rules.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return lambda_.Code.from_asset(str(folder))

    def dependencies(self, scope: cdk.Stack) -> lambda_.LayerVersion:
        """The layer of what lambda/requirements.txt names."""
        return lambda_.LayerVersion(
            scope,
            "Dependencies",
            code=lambda_.Code.from_asset(str(self.layer)),
            description="The packages of lambda/requirements.txt",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
