"""What several nouns share."""

import uuid
from typing import Any, NoReturn, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


def new_uid() -> str:
    """A fresh id for the outside: uuid4, lower case, because the Log10 clients refuse anything else."""
    return str(uuid.uuid4())


class AppendOnlyViolation(TypeError):
    """Raised by code that tries to change or delete an append-only row: a correction is a new row."""


class AppendOnlyQuerySet(models.QuerySet[M]):
    """Reads and inserts; nothing else."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyViolation(f"{self.model.__name__} is append-only: write a new row instead.")

    def delete(self) -> NoReturn:
        raise AppendOnlyViolation(f"{self.model.__name__} is append-only: nothing deletes it.")


class AppendOnly(models.Model):
    """A row that is written once. Retention empties text through the purge verb alone."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyViolation(f"{type(self).__name__} is append-only: write a new row instead.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyViolation(f"{type(self).__name__} is append-only: nothing deletes it.")
