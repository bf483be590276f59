"""What a request's headers say of its payload and of the answer it takes."""

from serving.picture import CONTENT_TYPE
from serving.refusal import RefusalError

JSON = "application/json"


def require_json(content_type: str) -> None:
    """Check the Content-Type of a payload.

    Raises:
        RefusalError: it is not JSON, parameters such as a charset aside.
    """
    if _media_type(content_type) != JSON:
        raise RefusalError(f"the content type must be {JSON}, it is {content_type!r:.80}")


def require_png(accept: str) -> None:
    """Check that whoever sent this Accept header takes what the model answers.

    Raises:
        ValueError: it leaves no room for PNG; the text says what to ask for.
    """
    accepted = {_media_type(entry) for entry in accept.split(",")}
    if accepted.isdisjoint({CONTENT_TYPE, "image/*", "*/*"}):
        raise ValueError(
            f"this model answers {CONTENT_TYPE}; invoke it with Accept: {CONTENT_TYPE}, not {accept!r:.80}"
        )


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()
