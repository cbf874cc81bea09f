"""Sessions in the database, which know for how long they last without asking for it again."""

from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.sessions.backends import db
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from gradebench.compiled import Compiled, asked


class SessionStore(db.SessionStore):
    """Django's own, and the moment at which the session ends as it was read."""

    expires_at: datetime | None = None

    def _get_session_from_db(self) -> Any:
        row = _session().first(key=self.session_key, now=timezone.now())
        if row is None:
            self._session_key = None
        self.expires_at = row.expire_date if row else None
        return row


@cache
def _session() -> Compiled[Any]:
    # Not asked for at import: the settings name this module before there are models.
    rows = SessionStore.get_model_class().objects
    return Compiled(
        lambda: rows.filter(session_key=asked("key", CharField()), expire_date__gt=asked("now", DateTimeField()))
    )
