"""What a training job downloads and uploads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox.network import Attachment
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects, split_uri


class Transfer:
    """S3 as a training job's instance sees it, in the job's role."""

    def __init__(self, account_id: str, region: str, role: str, network: Attachment | None) -> None:
        self._backend: S3Backend = s3_backends[account_id][get_partition(region)]
        self._objects = Objects(account_id, region, role, network)

    def download_channel(self, channel: Mapping[str, Any], folder: Path) -> None:
        """Write every object whose key begins with the channel's prefix.

        Raises:
            ObjectError: there is none.
        """
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        if self.download(uri, folder) == 0:
            name = channel["ChannelName"]
            raise ObjectError(f"there are no objects below {uri}, the S3 prefix of the channel {name}")

    def download(self, uri: str, folder: Path) -> int:
        """How many objects below ``uri`` were written.

        Raises:
            ObjectError: there is no such bucket, the role may not read it, or a key would be written outside
                of the folder.
        """
        bucket_name, prefix = _split(uri)
        self._objects.require_to_list(bucket_name, prefix)
        try:
            bucket = self._backend.get_bucket(bucket_name)
        except S3ClientError as error:
            raise ObjectError(f"{uri}: {error}") from error
        names = [name for name in list(bucket.keys) if name.startswith(prefix) and not name.endswith("/")]
        folder.mkdir(parents=True, exist_ok=True)
        # A prefix that is no folder's keeps its last part: s3://b/weights is weights/... and weights.tar.gz.
        cut = prefix.rfind("/") + 1
        for name in names:
            path = (folder / name[cut:]).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise ObjectError(f"object {name!r} would be written outside of {folder.name}")
            self._objects.require("GetObject", bucket_name, name)
            found: FakeKey | None = self._backend.get_object(bucket_name, name)
            if found is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(found.value)
        return len(names)

    def upload(self, folder: Path, uri: str, kms_key_id: str | None) -> None:
        """Put every file below a folder under ``uri``.

        Raises:
            ObjectError: there is no such bucket.
        """
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}"
                self._objects.write(key, path.read_bytes(), "binary/octet-stream", kms_key_id)


def _split(uri: str) -> tuple[str, str]:
    """Bucket and prefix, which may be empty."""
    if uri.removeprefix("s3://").partition("/")[2]:
        return split_uri(uri)
    return split_uri(f"{uri.rstrip('/')}/-")[0], ""
