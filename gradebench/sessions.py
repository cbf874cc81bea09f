"""Sessions in the database, which know for how long they last without asking for it again."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Django's own, and the moment at which the session ends as it was read."""

    expires_at: datetime | None = None

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()  # type: ignore[misc] # the stubs do not know it
        self.expires_at = row.expire_date if row else None
        return row
