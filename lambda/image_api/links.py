"""Links to pictures: presigned, one object, a limited time."""

from __future__ import annotations

from typing import Any

from image_api.s3_location import S3Location

PICTURE_CONTENT_TYPE = "image/png"


def picture_link(s3: Any, picture: S3Location, seconds: int) -> str:
    """A link to ``picture`` for whoever has it, for ``seconds``; signed here, without a call.

    The content type is part of what is signed: SageMaker stores what the container answered under ``.out``.
    A link also ends with the credentials that signed it, the function's role's, which Lambda renews in good
    time.
    """
    link: str = s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": picture.bucket,
            "Key": picture.key,
            "ResponseContentType": PICTURE_CONTENT_TYPE,
        },
        ExpiresIn=seconds,
    )
    return link
