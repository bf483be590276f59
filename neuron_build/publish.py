"""Copies a bundle to where it is served from: S3 or a folder, under its digest, its manifest last."""

import re
import shutil
from pathlib import Path

from serving.bundle import MANIFEST, verify_bundle

_S3 = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<prefix>.*)")


class PublishError(Exception):
    """The destination can't be written; the text says why."""


def publish(bundle: Path, destination: str) -> str:
    """Copy every file of a verified bundle below ``destination/<digest>/``; returns that place.

    Raises:
        BundleError: the bundle is not whole.
        PublishError: the destination can't be written.
    """
    manifest = verify_bundle(bundle)
    match = _S3.fullmatch(destination)
    # Whoever finds the manifest finds the rest.
    names = [*sorted(manifest.files), MANIFEST]
    if match is None:
        folder = Path(destination) / manifest.digest
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle / name, folder / name)
        return f"{folder}/"
    prefix = f"{match['prefix'].rstrip('/')}/{manifest.digest}/".lstrip("/")
    _upload(bundle, names, match["bucket"], prefix)
    return f"s3://{match['bucket']}/{prefix}"


def _upload(bundle: Path, names: list[str], bucket: str, prefix: str) -> None:
    # boto3 is imported by the command that needs it: packaging needs none.
    import boto3
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    s3 = boto3.client("s3")
    try:
        for name in names:
            s3.upload_file(str(bundle / name), bucket, prefix + name)
    except (BotoCoreError, ClientError, S3UploadFailedError) as error:
        raise PublishError(f"s3://{bucket}/{prefix} can't be written: {error}") from error
