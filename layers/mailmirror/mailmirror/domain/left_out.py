"""Parts of an event that cannot be read, and without which it is applied."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from mailmirror.domain.event_fields import without_half_pairs
from mailmirror.domain.limits import MAX_LEFT_OUT_CHARS, MAX_LEFT_OUT_DETAILS
from mailmirror.domain.problems import Code


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out of an event for one reason."""

    code: Code
    details: tuple[str, ...]
    """Each with the field's path, as `data.emails[1]: n/a`."""
    further: int = 0
    """How many more there are."""
    lost: int = 0
    """How many of all of them may have been an address or a contact, whose mail is missed."""
    empty: bool = False
    """Whether these are empty entries of a list, which say nothing that could be lost."""

    @property
    def detail(self) -> str:
        """All of it as one text."""
        more = (f"and {self.further} more",) if self.further else ()
        return "; ".join((*self.details, *more))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "LeftOut":
        return cls(**fields | {"code": Code(fields["code"]), "details": tuple(fields["details"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Omissions:
    """Collects what is left out while an event is read."""

    def __init__(self) -> None:
        self._found: dict[tuple[Code, bool], LeftOut] = {}

    def add(
        self, code: Code, path: str, value: object, *, lost: bool = False, empty: bool = False
    ) -> None:
        """Leave out a value, of which the beginning is named where it is text."""
        found = self._found.get((code, empty), LeftOut(code, (), empty=empty))
        if len(found.details) == MAX_LEFT_OUT_DETAILS:
            found = replace(found, further=found.further + 1)
        else:
            detail = f"data.{path}: {_shown(value)}"
            found = replace(found, details=(*found.details, detail))
        self._found[code, empty] = replace(found, lost=found.lost + lost)

    @property
    def all(self) -> tuple[LeftOut, ...]:
        return tuple(self._found.values())


def _shown(value: object) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        return "empty"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return without_half_pairs(value[:MAX_LEFT_OUT_CHARS]) if isinstance(value, str) else "not text"
