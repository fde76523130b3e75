"""The base of request bodies in every domain: pure."""

from pydantic import BaseModel, ConfigDict, model_validator

MOST_FIELDS = 100


class StrictBody(BaseModel):
    """A request body that refuses unknown fields.

    Pydantic reports an error for each unknown field, which takes seconds for a body with hundreds
    of thousands of them, so a body with too many fields is refused before validation.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) > MOST_FIELDS:
            raise ValueError(f"has more than {MOST_FIELDS} fields")
        return value
