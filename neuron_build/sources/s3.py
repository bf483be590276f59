"""s3://bucket/prefix/ as a source: downloaded once for what is there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from neuron_build.digests import digest_of
from neuron_build.sources import SourceError

_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix/.

    Raises:
        SourceError: it is none.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise SourceError(f"{uri} is no place in S3: write s3://bucket/prefix/")
    return match["bucket"], match["prefix"] or ""


def s3_client() -> Any:
    """A client of S3; AWS_ENDPOINT_URL and the other settings of boto3 apply."""
    import boto3

    return boto3.client("s3")


def download(uri: str, cache: Path, report: Callable[[str], None]) -> Path:
    """The folder with what is below a prefix, or with the one archive that the URI is.

    The content is known by key, size and ETag: what did not change is not downloaded again.

    Raises:
        SourceError: nothing is there, S3 refuses, or a key can't be a file below a folder.
    """
    import botocore.exceptions

    bucket, prefix = split_uri(uri)
    report(f"looking at {uri}")
    client = s3_client()
    try:
        objects = _wanted(list(_objects(client, bucket, prefix)), prefix)
        if not objects:
            raise SourceError(f"{uri} holds nothing")
        destination = cache / f"s3-{digest_of([bucket, objects])[:32]}"
        if destination.is_dir():
            return destination
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".s3-") as half:
            for key, path, size, _ in objects:
                report(f"downloading {path} ({size / 2**20:.1f} MiB)")
                target = Path(half) / "content" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(bucket, key, str(target))
            (Path(half) / "content").rename(destination)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise SourceError(f"{uri} can't be read: {error}") from error
    return destination


def _objects(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str, int, str]]:
    """Key, path below the prefix, bytes and ETag of each object."""
    whole = prefix == "" or prefix.endswith("/")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            key = found["Key"]
            path = key[len(prefix) :] if whole else key[len(prefix) :].lstrip("/") or PurePosixPath(key).name
            # s3://bucket/model is not s3://bucket/model-2/.
            if key.endswith("/") or not (whole or key == prefix or key[len(prefix)] == "/"):
                continue
            if ".." in PurePosixPath(path).parts or path.startswith("/"):
                raise SourceError(f"s3://{bucket}/{key} can't be a file below a folder")
            yield key, path, found["Size"], found["ETag"]


def _wanted(objects: list[tuple[str, str, int, str]], prefix: str) -> list[tuple[str, str, int, str]]:
    """A model.tar.gz alone, where there is one and no model_index.json: a training job's output has more."""
    names = {PurePosixPath(path).name for _, path, _, _ in objects}
    archives = [one for one in objects if one[1].endswith(".tar.gz")]
    if archives and "model_index.json" not in names:
        models = [one for one in archives if PurePosixPath(one[1]).name == "model.tar.gz"]
        chosen = models or archives
        if len(chosen) > 1:
            keys = ", ".join(key for key, _, _, _ in chosen[:5])
            raise SourceError(f"below {prefix} are {len(chosen)} archives ({keys}): name one of them")
        key, _, size, tag = chosen[0]
        return [(key, "model.tar.gz", size, tag)]
    return sorted(objects)
