"""What is said of a payload that the model can't draw."""

# Who reads a failure knows a refusal by this alone: the model servers answer every exception with one status,
# the Hugging Face toolkit with 400, the PyTorch one with 500, DJL Serving with 424.
REFUSED = "request refused: "


class RefusalError(ValueError):
    """A payload that this model will never draw; the text begins with REFUSED and gives the reason."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"{REFUSED}{reason}")
