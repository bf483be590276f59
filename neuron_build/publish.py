"""Copies a bundle to where endpoints read it: PREFIX/<digest>/. What is served never changes in place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from serving.bundle import MANIFEST, BundleFile, Manifest, verify_bundle

from neuron_build.digests import Digests
from neuron_build.sources import SourceError
from neuron_build.sources.s3 import s3_client, split_uri

Report = Callable[[str], None]


class PublishError(Exception):
    """A place a bundle can't be copied to: what is wrong with it."""


@dataclass(frozen=True)
class Published:
    """Where a bundle is now, ending in its digest and "/", and how many files had to be copied."""

    location: str
    copied: int
    kept: int


class _Place(Protocol):
    def holds(self, path: str, content: BundleFile) -> bool:
        """Whether a file is there already with this content."""

    def put(self, path: str, source: Path, content: BundleFile) -> None:
        """Copy a file there, whole or not at all."""


def publish_bundle(bundle: Path, destination: str, report: Report = lambda _: None) -> Published:
    """Verify a bundle and copy it to DESTINATION/<digest>/; what is there with the same checksum stays.

    The manifest goes last: where it stands, the rest is whole.

    Args:
        destination: s3://bucket/prefix/ or a folder.

    Raises:
        BundleError: the bundle is not whole.
        PublishError: the destination can't be written to.
    """
    manifest = verify_bundle(bundle)
    location, place = _place(destination, manifest)
    copied = 0
    for path, content in [*manifest.files.items(), (MANIFEST, _described(bundle / MANIFEST))]:
        if not place.holds(path, content):
            report(f"copying {path} ({content.bytes / 2**20:.1f} MiB)")
            place.put(path, bundle / path, content)
            copied += 1
    return Published(location, copied, len(manifest.files) + 1 - copied)


def _described(path: Path) -> BundleFile:
    return BundleFile(Digests().sha256(path), path.stat().st_size)


def _place(destination: str, manifest: Manifest) -> tuple[str, _Place]:
    if "://" not in destination:
        folder = Path(destination) / manifest.digest
        return f"{folder}/", _Folder(folder)
    try:
        bucket, prefix = split_uri(destination)
    except SourceError as error:
        raise PublishError(str(error)) from error
    below = f"{prefix.rstrip('/')}/{manifest.digest}/".lstrip("/")
    return f"s3://{bucket}/{below}", _Bucket(bucket, below)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, path: str, content: BundleFile) -> bool:
        target = self._folder / path
        return target.is_file() and _described(target) == content

    def put(self, path: str, source: Path, content: BundleFile) -> None:
        target = self._folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                source.open("rb") as file,
                tempfile.NamedTemporaryFile(dir=target.parent, prefix=".half-", delete=False) as half,
            ):
                shutil.copyfileobj(file, half, 2**20)
            # A temporary file is for its owner alone; a bundle is for whoever serves it.
            Path(half.name).chmod(0o644)
            Path(half.name).replace(target)
        except OSError as error:
            raise PublishError(f"{target} can't be written: {error.strerror}") from error
        if _described(target) != content:
            raise PublishError(f"{source} changed while it was copied: verify the bundle and start again")


class _Bucket:
    """S3 checks what arrives against the SHA-256 it is told, and tells it again of what is there."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from boto3.s3.transfer import TransferConfig

        self._bucket, self._prefix, self._client = bucket, prefix, s3_client()
        # Of objects in several pieces S3 keeps a checksum of the pieces' checksums: the pieces decide it. The
        # digest travels as metadata beside it.
        self._config = TransferConfig(multipart_threshold=64 * 2**20, multipart_chunksize=64 * 2**20)

    def holds(self, path: str, content: BundleFile) -> bool:
        import botocore.exceptions

        try:
            found: Any = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path)
        except botocore.exceptions.ClientError as error:
            # Without s3:ListBucket S3 answers 403 for what is not there.
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound", "403"):
                return False
            raise PublishError(f"s3://{self._bucket}/{self._prefix}{path}: {error}") from error
        except botocore.exceptions.BotoCoreError as error:
            raise PublishError(f"s3://{self._bucket}/{self._prefix}{path}: {error}") from error
        there = (found["ContentLength"], found.get("Metadata", {}).get("sha256"))
        return bool(there == (content.bytes, content.sha256))

    def put(self, path: str, source: Path, content: BundleFile) -> None:
        import boto3.exceptions
        import botocore.exceptions

        try:
            self._client.upload_file(
                str(source),
                self._bucket,
                self._prefix + path,
                ExtraArgs={"ChecksumAlgorithm": "SHA256", "Metadata": {"sha256": content.sha256}},
                Config=self._config,
            )
        except (
            boto3.exceptions.Boto3Error,
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
        ) as error:
            raise PublishError(
                f"s3://{self._bucket}/{self._prefix}{path} can't be written: {error}"
            ) from error
