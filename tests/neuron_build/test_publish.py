import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from serving.bundle import MANIFEST, BundleError, Manifest, describe_files, verify_bundle

from neuron_build import publish
from neuron_build.publish import PublishError, publish_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two files and a manifest."""
    folder = tmp_path / "small"
    for path in ("parts/unet.pt", "code/inference.py"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(path)
    manifest = Manifest("small", "tiny-sd15", "cpu", describe_files(folder), "a test", "none")
    (folder / MANIFEST).write_text(manifest.to_json())
    return folder


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = boto3.resource("s3").Bucket("bundles")
        made.create()
        yield made


def test_a_bundle_is_published_below_its_digest_and_is_whole_there(bundle: Path, tmp_path: Path) -> None:
    published = publish_bundle(bundle, str(tmp_path / "public"))

    assert published.location == f"{tmp_path}/public/{verify_bundle(bundle).digest}/"
    assert (published.copied, published.kept) == (3, 0)
    assert verify_bundle(Path(published.location)) == verify_bundle(bundle)


def test_what_is_there_is_left_alone_and_what_is_damaged_is_put_right(bundle: Path, tmp_path: Path) -> None:
    location = Path(publish_bundle(bundle, str(tmp_path / "public")).location)
    (location / "parts/unet.pt").write_text("damaged")

    again = publish_bundle(bundle, str(tmp_path / "public"))
    assert (again.copied, again.kept) == (1, 2)
    assert verify_bundle(location)


def test_a_bundle_in_s3_is_the_same_files_with_their_checksums(bundle: Path, bucket: Any) -> None:
    published = publish_bundle(bundle, "s3://bundles/models/")
    digest = verify_bundle(bundle).digest

    assert published.location == f"s3://bundles/models/{digest}/"
    keys = {item.key.removeprefix(f"models/{digest}/") for item in bucket.objects.all()}
    assert keys == {"bundle.json", "parts/unet.pt", "code/inference.py"}
    head = boto3.client("s3").head_object(
        Bucket="bundles", Key=f"models/{digest}/parts/unet.pt", ChecksumMode="ENABLED"
    )
    assert head["Metadata"]["sha256"] == verify_bundle(bundle).files["parts/unet.pt"].sha256
    assert "ChecksumSHA256" in head
    assert (publish_bundle(bundle, "s3://bundles/models").copied, published.copied) == (0, 3)


def test_the_manifest_goes_last(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(source: Any, target: Any, length: int) -> None:
        if "unet" in source.name:
            raise OSError(28, "No space left on device")
        shutil.copyfileobj(source, target, length)

    monkeypatch.setattr(publish, "shutil", type("Shutil", (), {"copyfileobj": staticmethod(full_disk)}))
    with pytest.raises(PublishError, match=r"unet\.pt can't be written: No space left"):
        publish_bundle(bundle, str(tmp_path / "public"))
    assert not list((tmp_path / "public").glob("*/bundle.json"))


def test_a_bundle_that_is_not_whole_is_not_published(bundle: Path, tmp_path: Path) -> None:
    (bundle / "stray").touch()

    with pytest.raises(BundleError, match="stray is foreign"):
        publish_bundle(bundle, str(tmp_path / "public"))
    assert not (tmp_path / "public").exists()


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("s3://Bundles/x/", "is no place in S3"),
        ("https://bundles/x/", "is no place in S3"),
        ("s3://no-such-bucket/x/", "no-such-bucket.*NoSuchBucket"),
    ],
)
def test_a_place_that_can_not_be_written_is_refused(
    destination: str, reason: str, bundle: Path, bucket: Any
) -> None:
    with pytest.raises(PublishError, match=reason):
        publish_bundle(bundle, destination)
