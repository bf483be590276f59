"""The objects an endpoint reads from and writes to moto's S3."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import threading
from io import BytesIO
from pathlib import Path

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.utilities.utils import get_partition

from darkroom.sandbox.iam import AccessDeniedError, Need
from darkroom.sandbox.iam.s3_needs import object_needs
from darkroom.sandbox.network import Attachment
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.configuration import ModelSource

_download = threading.Lock()


class ObjectError(Exception):
    """An object can't be read or written, and why."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://bucket/key`` URI.

    Raises:
        ObjectError: it is no such URI.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ObjectError(f"{uri!r} is no S3 location: give s3://bucket/key")
    return bucket, key


class Objects:
    """S3 as a role of one account sees it, from where it is attached to a VPC, if it is."""

    def __init__(self, account_id: str, region: str, role: str, network: Attachment | None = None) -> None:
        self.account_id, self._region, self._role, self.network = account_id, region, role, network
        self._backend: S3Backend = s3_backends[account_id][get_partition(region)]

    def read(self, uri: str) -> tuple[bytes, str]:
        """Body and content type of the object at ``uri``.

        Raises:
            ObjectError: there is no such bucket or object, or the role may not read it.
        """
        bucket, key = split_uri(uri)
        self.require("GetObject", bucket, key)
        try:
            found = self._backend.get_object(bucket, key)
        except S3ClientError as error:
            raise ObjectError(f"{uri}: {error}") from error
        if found is None:
            raise ObjectError(f"{uri}: NoSuchKey")
        return found.value, found.metadata.get("content-type", "binary/octet-stream")

    def write(self, uri: str, body: bytes, content_type: str, kms_key_id: str | None) -> None:
        """Put an object, encrypted with ``kms_key_id`` where one is given.

        Raises:
            ObjectError: there is no such bucket, or the role may not write there.
        """
        bucket, key = split_uri(uri)
        self.require("PutObject", bucket, key)
        encryption = "aws:kms" if kms_key_id else None
        try:
            written = self._backend.put_object(
                bucket, key, body, encryption=encryption, kms_key_id=kms_key_id
            )
        except S3ClientError as error:
            raise ObjectError(f"{uri}: {error}") from error
        written.set_metadata({"content-type": content_type})

    def below(self, source: ModelSource) -> list[FakeKey]:
        """The objects of a model: those below its prefix, or its one archive.

        Raises:
            ObjectError: there is none, or the role may not list or read them.
        """
        bucket_name, prefix = split_uri(source.uri)
        self.require_to_list(bucket_name, prefix)
        try:
            bucket = self._backend.get_bucket(bucket_name)
        except S3ClientError as error:
            raise ObjectError(f"Could not find model data at {source.uri}: {error}") from error
        names = sorted(name for name in list(bucket.keys) if self._belongs(name, prefix, source))
        for name in names:
            self.require("GetObject", bucket_name, name)
        objects = [found for name in names if (found := self._backend.get_object(bucket_name, name))]
        if not objects:
            raise ObjectError(f"Could not find model data at {source.uri}.")
        return objects

    def require(self, operation: str, bucket: str, key: str) -> None:
        """Check that the role may do an operation on an object.

        Raises:
            ObjectError: it may not.
        """
        self._require(object_needs(operation, bucket, key, self.account_id, self._region))

    def require_to_list(self, bucket: str, prefix: str) -> None:
        """Check that the role may list what is below a prefix.

        Raises:
            ObjectError: it may not.
        """
        self._require([Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})])

    def _require(self, needed: list[Need]) -> None:
        try:
            execution_role.require(self._role, needed, through=self.network)
        except AccessDeniedError as error:
            raise ObjectError(f"AccessDenied: {error}") from error

    @staticmethod
    def _belongs(name: str, prefix: str, source: ModelSource) -> bool:
        if source.compressed or not prefix.endswith("/"):
            return name == prefix
        return name.startswith(prefix) and not name.endswith("/")

    def download_model(self, source: ModelSource, folder: Path) -> Path:
        """The model's files in a folder of their own below ``folder``, downloaded once.

        The folder is named by the content, so that models with the same files share it.

        Raises:
            ObjectError: there is no model data, or it is not what it says it is.
        """
        objects = self.below(source)
        digest = hashlib.sha256("\n".join(f"{found.name} {found.etag}" for found in objects).encode())
        target = folder / digest.hexdigest()[:32]
        with _download:
            if not target.exists():
                self._download(objects, source, target)
        return target

    @staticmethod
    def _download(objects: list[FakeKey], source: ModelSource, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=target.parent))
        try:
            if source.compressed:
                with tarfile.open(fileobj=BytesIO(objects[0].value)) as archive:
                    archive.extractall(partial, filter="data")
            else:
                _write_files(objects, split_uri(source.uri)[1], partial)
            partial.rename(target)
        except (tarfile.TarError, OSError) as error:
            raise ObjectError(f"model data at {source.uri}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _write_files(objects: list[FakeKey], prefix: str, folder: Path) -> None:
    root = folder.resolve()
    for found in objects:
        path = (root / found.name.removeprefix(prefix)).resolve()
        if not path.is_relative_to(root):
            raise OSError(f"object {found.name!r} would be written outside of the model's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.value)
