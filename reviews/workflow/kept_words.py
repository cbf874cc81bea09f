"""Words that the database keeps: why an item left its queue, why a claim ended, what is the matter with an upstream.

They are kept in English, as `gettext_noop` leaves them, because queries compare them and whoever wrote them need not
read the language of whoever reads them; `shown` translates them for the reader.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# These stand before the reason that somebody gave.
CLOSED = gettext_noop("closed by a lead")
FLAGGED = gettext_noop("flagged")
MEMBERSHIP_ENDED = gettext_noop("her membership ended")


def shown(kept: str) -> str:
    """What was kept, for who reads it: all of it where it is words of ours, else what stands before its first colon.

    What a person or an upstream said, and a sentence with figures in it, stay as they were said.
    """
    # Asked for the translation of nothing, a catalogue answers with its header.
    if not kept:
        return ""
    words = _(kept)
    before, colon, said = kept.partition(": ")
    return _("%(what)s: %(said)s") % {"what": _(before), "said": said} if colon and words == kept else words
