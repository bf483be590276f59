"""The stacks of one account and region, also those that are deleted; a name has one at a time."""

from __future__ import annotations

import threading

from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError

from darkroom.sandbox.cloudformation.stack import Stack


class KnownStacks:
    """Finds stacks by id and by name."""

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region
        self._lock = threading.RLock()
        self._stacks: dict[str, Stack] = {}

    def every(self) -> list[Stack]:
        """All stacks there ever were, deleted ones too."""
        return list(self._stacks.values())

    def existing(self) -> list[Stack]:
        """The stacks that are not deleted."""
        return [stack for stack in self.every() if stack.status != "DELETE_COMPLETE"]

    def find(self, name_or_id: str) -> Stack:
        """The stack of that id, or the one of that name that is not deleted.

        Raises:
            ValidationError: there is none.
        """
        with self._lock:
            found = self._stacks.get(name_or_id) or self._named(name_or_id)
        if found is None:
            raise ValidationError(name_or_id)
        return found

    def register(self, stack: Stack) -> bool:
        """Know ``stack`` from now on; whether it is new.

        Raises:
            AlreadyExistsException: another has its name.
        """
        with self._lock:
            if self._stacks.get(stack.stack_id) is stack:
                return False
            if self._named(stack.name) is not None:
                raise AlreadyExistsException(f"Stack [{stack.name}] already exists")
            self._stacks[stack.stack_id] = stack
            return True

    def to_create(self, name: str) -> Stack:
        """The stack that a change set is to create: new, or one that other change sets wait for.

        Raises:
            ValidationError: there is one of that name.
        """
        stack = self._named(name)
        if stack is None:
            return Stack.new(name, self._account_id, self._region)
        if stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                message=f"Stack [{name}] already exists and cannot be created again with the changeSet"
            )
        return stack

    def to_import_into(self, name: str) -> Stack:
        """The stack that an import goes to: one that can be updated, or a new one.

        Raises:
            ValidationError: it can't be updated now.
        """
        stack = self._named(name)
        if stack is None or stack.status == "REVIEW_IN_PROGRESS":
            return self.to_create(name)
        stack.require_updatable()
        return stack

    def to_update(self, name: str) -> Stack:
        """The stack that an update goes to.

        Raises:
            ValidationError: there is none, or it can't be updated now.
        """
        stack = self.find(name)
        stack.require_updatable()
        return stack

    def _named(self, name: str) -> Stack | None:
        return next((stack for stack in self.existing() if stack.name == name), None)
