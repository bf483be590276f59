"""What AWS asks for beside instances: one dated file, each price with its source."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SHIPPED = Path(__file__).with_name("prices.json")


class PriceError(ValueError):
    """A price file can't be read, or lacks a price."""


class Price(BaseModel):
    """Dollars for one unit, and whose price it is.

    Attributes:
        seen: where it was published, and when; empty where nobody has looked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float = Field(ge=0)
    source: str
    seen: str = ""


class ServicePrices(BaseModel):
    """Prices by unit, with their date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    source: str
    dollars: dict[str, Price]

    def of(self, unit: str) -> Price:
        """The price of a unit.

        Raises:
            PriceError: the file lacks it.
        """
        if unit not in self.dollars:
            raise PriceError(f"the prices of {self.as_of} have no {unit}: add it as {SHIPPED.name} has it")
        return self.dollars[unit]


def read_service_prices(file: Path = SHIPPED) -> ServicePrices:
    """The prices in ``file``, JSON of the shipped file's shape.

    Raises:
        PriceError: it can't be read.
    """
    try:
        return ServicePrices.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise PriceError(f"{file}: {error}; write it as {SHIPPED.name} is") from None
