"""Whether a picture may be shown: Rekognition's moderation labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from image_api.moderation.rules import PictureRule
from image_api.moderation.unavailable import unavailable
from image_api.s3_location import S3Location

Verdict = Literal["fit", "unfit", "unreadable"]

# What Rekognition says of a picture that it can't look at, this time or another: no PNG or JPEG, over 15 MB,
# fewer than 50 or more than 10,000 pixels a side (Rekognition developer guide, "Guidelines and quotas").
_UNREADABLE = frozenset(
    {"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"}
)


class PictureModeration:
    """Asks Rekognition about pictures in S3; it reads them by the caller's own permission."""

    def __init__(self, rule: PictureRule, rekognition: Any) -> None:
        self._rule = rule
        self._rekognition = rekognition

    def look_at(self, picture: S3Location) -> Verdict:
        """What to do with ``picture``.

        Raises:
            ModerationUnavailableError: nobody looked at it.
        """
        try:
            answer = self._rekognition.detect_moderation_labels(
                Image={"S3Object": {"Bucket": picture.bucket, "Name": picture.key}},
                # Without it Rekognition leaves out what it is sure of by less than half.
                MinConfidence=self._rule.minimum_confidence,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _UNREADABLE:
                return "unreadable"
            raise unavailable("Rekognition", error) from None
        except BotoCoreError as error:
            raise unavailable("Rekognition", error) from None
        return "unfit" if is_unfit(answer["ModerationLabels"], self._rule) else "fit"


def is_unfit(labels: Iterable[Mapping[str, Any]], rule: PictureRule) -> bool:
    """Whether one of these labels, or one above it in the taxonomy, refuses the picture."""
    found = [label for label in labels if label["Confidence"] >= rule.minimum_confidence]
    if not rule.labels:
        return bool(found)
    # The answer has the labels above a label too, each with its own parent; parents need not be sure alone.
    refused = {name.casefold() for name in rule.labels}
    names = {str(label.get(name) or "").casefold() for label in found for name in ("Name", "ParentName")}
    return bool(refused & names)
