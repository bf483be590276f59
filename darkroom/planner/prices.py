"""What an instance costs an hour: one dated file, and another where the user has one."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkroom.planner.problem import PlanError

SHIPPED = Path(__file__).with_name("prices.json")


class Prices(BaseModel):
    """Prices of instances, with their date and source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    source: str
    dollars_an_hour: dict[str, float]

    def of(self, instance_type: str) -> float:
        """Dollars an hour.

        Raises:
            PlanError: the file has no such type.
        """
        if instance_type not in self.dollars_an_hour:
            known = ", ".join(sorted(self.dollars_an_hour)) or "none"
            raise PlanError(
                f"the prices of {self.as_of} have no {instance_type}: they have {known}; "
                "give a file that has it with --prices"
            )
        return self.dollars_an_hour[instance_type]


def read_prices(file: Path | None = None) -> Prices:
    """The prices in ``file``, JSON of the shipped file's shape; of that one for None.

    Raises:
        PlanError: it can't be read.
    """
    file = file or SHIPPED
    try:
        return Prices.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise PlanError(
            f"{file}: {error}; write it as {SHIPPED.name} is: as_of, source, dollars_an_hour"
        ) from None
