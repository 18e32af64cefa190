"""Objects and lists of objects, read member by member with every problem reported at once."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.fields import empty

from config.errors import InvalidData, Problem
from onboarding.api.serializers.fields import StrictField, refuse, within, wrong_type


class Group(serializers.Serializer):  # type: ignore[type-arg]
    """An object of the contract.

    Members we do not know are dropped where the root is a create and refused where it is `strict` (contract
    section 2.6). One instance serves all requests: validation keeps no state.
    """

    strict: ClassVar[bool] = False

    def read(self, data: Any) -> dict[str, Any]:
        """The validated members that were sent. Raises `InvalidData`."""
        if not isinstance(data, Mapping):
            wrong_type("object", data)
        problems: list[Problem] = []
        found: dict[str, Any] = {}
        for name, member in self.fields.items():
            try:
                found[name] = member.run_validation(data.get(name, empty))
            except serializers.SkipField:
                continue
            except InvalidData as error:
                problems += within(error.problems, name)
        problems += self.unknown(data)
        if problems:
            raise InvalidData(problems)
        return self.whole(found)

    def unknown(self, data: Mapping[str, Any]) -> list[Problem]:
        if not getattr(self.root, "strict", False):
            return []
        names = [name for name in data if name not in self.fields]
        if not names:
            return []
        listed = ", ".join(f"'{name}'" for name in names[:20])
        return [Problem("", f"Unrecognized key(s) in object: {listed}", "unrecognized_keys")]

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        """What can only be said about all members together; may refuse, may rename."""
        return found

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty:
            if self.required:
                refuse("Required", "invalid_type")
            raise serializers.SkipField
        if data is None:
            if self.allow_null:
                return None
            wrong_type("object", data)
        return self.read(data)


class Amending(Group):
    """Mixed into a group: the same members for a change, where only what is sent is written (contract section 2.6).

    Nothing is required of the object itself, nested objects are whole; `create_only` members are unknown.
    """

    strict = True
    create_only: ClassVar[frozenset[str]] = frozenset()

    def get_fields(self) -> dict[str, Any]:
        members = super().get_fields()
        for name in self.create_only:
            members.pop(name, None)
        for member in members.values():
            member.required = False
        return members


class Entries(StrictField, serializers.ListField):
    """A list of objects."""

    expected = "array"

    def __init__(self, *, child: Group, limit: int, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("allow_null", True)
        super().__init__(child=child, max_length=limit, **kwargs)
        self.limit = limit

    def read(self, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            wrong_type("array", value)
        if len(value) > self.limit:
            refuse(f"Array must contain at most {self.limit} element(s)", "too_big")
        problems: list[Problem] = []
        found = []
        for index, item in enumerate(value):
            try:
                found.append(self.child.run_validation(item))
            except InvalidData as error:
                problems += within(error.problems, index)
        if problems:
            raise InvalidData(problems)
        return found
