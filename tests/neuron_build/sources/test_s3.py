import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from neuron_build.digests import Digests
from neuron_build.plan import find_recipe
from neuron_build.sources import SourceError
from neuron_build.sources.diffusers_folder import check_source
from neuron_build.sources.s3 import download, split_uri
from neuron_build.sources.source import open_source

RECIPE = find_recipe("tiny-sd15")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = boto3.resource("s3").Bucket("models")
        made.create()
        yield made


def put_folder(bucket: Any, folder: Path, prefix: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.upload_file(str(path), f"{prefix}{path.relative_to(folder).as_posix()}")


def test_a_prefix_with_a_diffusers_folder_below_it(bucket: Any, tiny_sd15: Path, tmp_path: Path) -> None:
    put_folder(bucket, tiny_sd15, "jobs/7/output/model/")
    bucket.put_object(Key="jobs/72/other", Body=b"of another job")

    source = open_source("s3://models/jobs/7/", RECIPE, tmp_path, Digests(), lambda _: None)
    check_source(source.folder, RECIPE)
    assert source.description.startswith("s3://models/jobs/7/, content ")


def test_a_training_jobs_output_is_its_model_archive(bucket: Any, tiny_sd15: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tiny_sd15, ".")
    bucket.upload_file(str(tmp_path / "model.tar.gz"), "jobs/8/output/model.tar.gz")
    bucket.put_object(Key="jobs/8/debug-output/events", Body=b"x")
    bucket.put_object(Key="jobs/8/output/", Body=b"")  # the console's folders

    for uri in ("s3://models/jobs/8/", "s3://models/jobs/8", "s3://models/jobs/8/output/model.tar.gz"):
        source = open_source(uri, RECIPE, tmp_path / "cache", Digests(), lambda _: None)
        check_source(source.folder, RECIPE)


def test_what_did_not_change_is_not_downloaded_again(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Key="m/a.json", Body=b"{}")
    reports = list[str]()
    first = download("s3://models/m/", tmp_path, reports.append)
    assert download("s3://models/m/", tmp_path, reports.append) == first
    assert sum("downloading" in report for report in reports) == 1

    bucket.put_object(Key="m/a.json", Body=b"[]")
    assert (download("s3://models/m/", tmp_path, reports.append) / "a.json").read_bytes() == b"[]"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://models/nothing/", "holds nothing"),
        ("s3://no-such-bucket/m/", "can't be read: .*NoSuchBucket"),
        ("s3://Models/m/", "is no place in S3: write s3://bucket/prefix/"),
        ("s3://", "is no place in S3"),
    ],
)
def test_a_place_without_a_model_is_refused(bucket: Any, uri: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=reason):
        download(uri, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_no_file_below_a_folder_is_refused(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Key="m/../../escaped", Body=b"x")

    with pytest.raises(SourceError, match="can't be a file below a folder"):
        download("s3://models/m/", tmp_path / "cache", lambda _: None)


def test_two_archives_are_refused_with_their_names(bucket: Any, tmp_path: Path) -> None:
    for job in (1, 2):
        bucket.put_object(Key=f"jobs/{job}/output/model.tar.gz", Body=b"x")

    with pytest.raises(SourceError, match=r"2 archives \(jobs/1/output/model.tar.gz, jobs/2"):
        download("s3://models/jobs/", tmp_path, lambda _: None)


def test_a_uri_is_bucket_and_prefix() -> None:
    assert split_uri("s3://bucket/a/b/") == ("bucket", "a/b/")
    assert split_uri("s3://bucket") == ("bucket", "")
