"""A drawn picture and the bytes a client gets for it."""

import io
from dataclasses import asdict, dataclass

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from serving.image_request import ImageRequest

CONTENT_TYPE = "image/png"


@dataclass(frozen=True)
class Picture:
    """An image and the request it was drawn for."""

    request: ImageRequest
    image: Image

    def to_png(self) -> bytes:
        """PNG with one text chunk a parameter, so that a picture says how to draw it again.

        The chunks are tEXt, which is Latin-1 (PNG specification, third edition, 11.3.3); Pillow makes an
        iTXt chunk, which is UTF-8, of a text that Latin-1 can't hold.
        """
        parameters = PngInfo()
        for name, value in asdict(self.request).items():
            parameters.add_text(name, str(value))
        png = io.BytesIO()
        self.image.save(png, format="PNG", pnginfo=parameters)
        return png.getvalue()
