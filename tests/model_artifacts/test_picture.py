import io

from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from serving.image_request import ImageRequest
from serving.picture import Picture


def picture_for(prompt: str) -> Picture:
    request = ImageRequest(prompt, "", seed=1, steps=4, guidance_scale=5.0, width=8, height=8)
    return Picture(request=request, image=Image.new("RGB", (8, 8)))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("naïve café")
@example("東京の夜景 🌃")
@example("two\r\nlines")
def test_any_prompt_is_read_back_from_the_picture(prompt: str) -> None:
    png = picture_for(prompt).to_png()

    assert Image.open(io.BytesIO(png)).text["prompt"] == prompt  # type: ignore[attr-defined]


def test_latin_text_is_text_every_viewer_shows_and_other_text_is_international() -> None:
    assert b"tEXtprompt\0na\xefve" in picture_for("naïve").to_png()
    assert b"iTXtprompt\0" in picture_for("東京").to_png()
