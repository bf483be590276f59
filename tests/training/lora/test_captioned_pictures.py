"""Folders of captioned pictures: what is read, and what is refused with every reason at once."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from PIL import Image

from training.lora.captioned_pictures import PicturesError, opened, read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (16, 16), "red").save(tmp_path / name)
    return tmp_path


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="pictures")
        yield "pictures"


def test_captions_are_in_one_metadata_file(folder: Path) -> None:
    rows = [{"file_name": "b.jpg", "text": " blue "}, {"file_name": "a.png", "text": "red", "more": 1}]
    (folder / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert [(picture.path.name, picture.text) for picture in read_folder(folder, "it")] == [
        ("a.png", "red"),
        ("b.jpg", "blue"),
    ]


def test_captions_are_beside_the_pictures(folder: Path) -> None:
    (folder / "a.txt").write_text("red\n")
    (folder / "b.txt").write_text("blue")
    assert [picture.text for picture in read_folder(folder, "it")] == ["red", "blue"]


def test_every_problem_of_a_metadata_file_is_told_at_once(folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    rows = [
        "{",
        '{"file_name": "a.png"}',
        '{"file_name": "gone.png", "text": "x"}',
        '{"file_name": "broken.png", "text": "x"}',
        '{"file_name": "../outside.png", "text": "x"}',
        '{"file_name": "b.jpg", "text": "  "}',
        '{"file_name": "b.jpg", "text": "again"}',
        "[]",
    ]
    (folder / "metadata.jsonl").write_text("\n".join(rows))
    with pytest.raises(PicturesError) as refused:
        read_folder(folder, "s3://pictures/mark")
    text = str(refused.value)
    assert text.startswith("s3://pictures/mark can't be trained on:")
    for expected in (
        "metadata.jsonl line 1: is no JSON",
        "metadata.jsonl line 2: expected",
        "metadata.jsonl line 7: b.jpg has a caption already",
        "metadata.jsonl line 8: expected",
        "gone.png: is not in the folder",
        "broken.png: can't be read as a picture",
        "../outside.png: is outside of the folder",
        "b.jpg: its caption is empty",
        "a.png: has no caption; expected a line in metadata.jsonl",
    ):
        assert expected in text


def test_pictures_and_captions_without_each_other_are_told(folder: Path) -> None:
    (folder / "a.txt").write_text("red")
    (folder / "c.txt").write_text("nothing")
    with pytest.raises(PicturesError) as refused:
        read_folder(folder, "it")
    assert refused.value.problems == [
        "b.jpg: has no caption; expected b.txt",
        "c.txt: is a caption without a picture",
    ]


def test_a_truncated_picture_is_told(folder: Path) -> None:
    path = folder / "a.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("x")
    with pytest.raises(PicturesError, match=r"a\.png: can't be read"):
        read_folder(folder, "it")


def test_an_empty_folder_and_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(PicturesError, match="no pictures"):
        read_folder(tmp_path, "it")
    with pytest.raises(PicturesError, match="there is no such folder"), opened(str(tmp_path / "none")):
        pass


def test_a_prefix_is_downloaded_and_gone_afterwards(folder: Path, bucket: str) -> None:
    client = boto3.client("s3")
    for name in ("a.png", "b.jpg"):
        client.upload_file(str(folder / name), bucket, f"mark/{name}")
    client.put_object(Bucket=bucket, Key="mark/a.txt", Body=b"red")
    client.put_object(Bucket=bucket, Key="mark/b.txt", Body=b"blue")
    client.put_object(Bucket=bucket, Key="market/other.png", Body=b"not under the prefix")
    with opened(f"s3://{bucket}/mark") as pictures:
        assert [(picture.path.name, picture.text) for picture in pictures] == [
            ("a.png", "red"),
            ("b.jpg", "blue"),
        ]
        path = pictures[0].path
        assert path.is_file()
    assert not path.exists()


def test_a_prefix_with_nothing_under_it_is_told_by_its_name(bucket: str) -> None:
    with pytest.raises(PicturesError, match="s3://pictures/none"), opened(f"s3://{bucket}/none"):
        pass
