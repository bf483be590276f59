"""Publishes a local bundle as CDK file assets, each under its own name in the bootstrap bucket.

The default synthesizer makes an asset's object key of its source hash and the extension of its file
(AssetManifestBuilder.defaultAddFileAsset in aws-cdk-lib). So each file is staged under its SHA-256,
which has no extension, and the source hash is the whole key: ``bundles/<digest>/<relative path>``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import aws_cdk as cdk

from darkroom.campaign import LocalBundle, RemoteBundle


def bundle_location(stack: cdk.Stack, bundle: LocalBundle | RemoteBundle) -> tuple[str, str]:
    """The bucket and the prefix that hold the bundle when the stack is deployed."""
    if isinstance(bundle, RemoteBundle):
        return bundle.bucket, bundle.prefix
    return _publish(stack, bundle)


def _publish(stack: cdk.Stack, bundle: LocalBundle) -> tuple[str, str]:
    stage = cdk.Stage.of(stack)
    if stage is None:
        raise ValueError("a bundle is published by a stack within an app")
    staged = Path(stage.asset_outdir) / f"bundle.{bundle.digest}"
    staged.mkdir(parents=True, exist_ok=True)
    relative = Path(os.path.relpath(staged, stage.outdir))
    bucket = prefix = ""
    for path, sha256 in bundle.files:
        _link(bundle.root / path, staged / sha256)
        location = stack.synthesizer.add_file_asset(
            source_hash=f"bundles/{bundle.digest}/{path}",
            file_name=str(relative / sha256),
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=f"{bundle.root.name}/{path}",
        )
        bucket, prefix = location.bucket_name, location.object_key.removesuffix(path)
    return bucket, prefix


def _link(source: Path, target: Path) -> None:
    """Stage a file without copying gigabytes, unless the assembly is on another disk."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
