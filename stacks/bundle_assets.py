"""Publishes files as CDK file assets, each under its own name in the bootstrap bucket: a local bundle's.

The default synthesizer makes an asset's object key of its source hash and the extension of its file
(AssetManifestBuilder.defaultAddFileAsset in aws-cdk-lib). So each file is staged under its SHA-256,
which has no extension, and the source hash is the whole key: ``bundles/<digest>/<relative path>``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk

from darkroom.campaign import LocalBundle, RemoteBundle


def bundle_location(stack: cdk.Stack, bundle: LocalBundle | RemoteBundle) -> tuple[str, str]:
    """The bucket and the prefix that hold the bundle when the stack is deployed."""
    if isinstance(bundle, RemoteBundle):
        return bundle.bucket, bundle.prefix
    files = [(path, sha256, bundle.root / path) for path, sha256 in bundle.files]
    return publish_files(stack, files, prefix=f"bundles/{bundle.digest}", name=bundle.root.name)


def publish_files(
    stack: cdk.Stack, files: Iterable[tuple[str, str, Path]], *, prefix: str, name: str
) -> tuple[str, str]:
    """Publish files under ``prefix``; the bucket and the prefix, with a slash at its end.

    Args:
        files: each one's path below the prefix, its SHA-256, and where it is.
        name: what the CDK CLI calls them.
    """
    stage = cdk.Stage.of(stack)
    if stage is None:
        raise ValueError("files are published by a stack within an app")
    staged = Path(stage.asset_outdir) / prefix.replace("/", ".")
    staged.mkdir(parents=True, exist_ok=True)
    relative = Path(os.path.relpath(staged, stage.outdir))
    bucket = published = ""
    for path, sha256, source in files:
        _link(source, staged / sha256)
        location = stack.synthesizer.add_file_asset(
            source_hash=f"{prefix}/{path}",
            file_name=str(relative / sha256),
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=f"{name}/{path}",
        )
        bucket, published = location.bucket_name, location.object_key.removesuffix(path)
    return bucket, published


def _link(source: Path, target: Path) -> None:
    """Stage a file without copying gigabytes, unless the assembly is on another disk."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
