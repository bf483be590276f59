"""DetectModerationLabels of the sandbox: real pictures out of S3, labels by the colours it was told of."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from darkroom.sandbox.process import SandboxError, SandboxProcess

Client = Callable[[str], Any]
RED = (220, 30, 30)
VIOLENCE = {"Name": "Violence", "ParentName": "", "TaxonomyLevel": 1, "Confidence": 91.5}
BLOOD = {"Name": "Blood & Gore", "ParentName": "Graphic Violence", "TaxonomyLevel": 3, "Confidence": 60.0}


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64), format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, format)
    return stream.getvalue()


@pytest.fixture
def bucket(client: Client, local_aws: SandboxProcess) -> Iterator[str]:
    s3 = client("s3")
    s3.create_bucket(Bucket="looked-at")
    local_aws.see({"colour": RED, "labels": [VIOLENCE, BLOOD]})
    yield "looked-at"
    local_aws.see()
    for entry in s3.list_objects_v2(Bucket="looked-at").get("Contents", []):
        s3.delete_object(Bucket="looked-at", Key=entry["Key"])
    s3.delete_bucket(Bucket="looked-at")


def look(client: Client, bucket: str, body: bytes, **more: Any) -> Any:
    client("s3").put_object(Bucket=bucket, Key="picture", Body=body)
    image = {"S3Object": {"Bucket": bucket, "Name": "picture"}}
    return client("rekognition").detect_moderation_labels(Image=image, **more)["ModerationLabels"]


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_it_sees_the_colours_it_was_told_of(
    client: Client, bucket: str, local_aws: SandboxProcess, format: str
) -> None:
    assert look(client, bucket, picture(RED, format=format)) == [VIOLENCE, BLOOD]
    assert look(client, bucket, picture((30, 30, 220), format=format)) == []
    assert local_aws.moderation()["looked_at"][-2:] == ["s3://looked-at/picture"] * 2


def test_labels_below_the_confidence_asked_for_are_left_out(client: Client, bucket: str) -> None:
    assert look(client, bucket, picture(RED), MinConfidence=80) == [VIOLENCE]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no picture", "InvalidImageFormatException"),
        (picture(RED, format="GIF"), "InvalidImageFormatException"),
        (picture(RED)[:60], "InvalidImageFormatException"),
        (picture(RED, (49, 64)), "InvalidParameterException"),
        (picture(RED) + bytes(15 * 2**20), "ImageTooLargeException"),
    ],
)
def test_pictures_that_rekognition_does_not_take_are_refused(
    client: Client, bucket: str, body: bytes, code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        look(client, bucket, body)
    assert refused.value.response["Error"]["Code"] == code


def test_an_object_that_is_not_there_is_told(client: Client, bucket: str) -> None:
    with pytest.raises(ClientError, match="InvalidS3ObjectException"):
        client("rekognition").detect_moderation_labels(
            Image={"S3Object": {"Bucket": bucket, "Name": "nothing"}}
        )


def test_it_throttles_when_it_is_told_to(client: Client, bucket: str, local_aws: SandboxProcess) -> None:
    local_aws.inject(throttle_rekognition=100)
    try:
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            look(client, bucket, picture(RED))
    finally:
        local_aws.inject(throttle_rekognition=0)


def test_the_rest_of_rekognition_is_refused(client: Client) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        client("rekognition").detect_labels(Image={"Bytes": picture(RED)})


@pytest.mark.parametrize("wrong", [{}, {"colour": RED}, {"colour": [1, 2], "labels": []}])
def test_rules_that_are_none_are_refused(local_aws: SandboxProcess, wrong: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="400"):
        local_aws.see(wrong)
