"""What holds for anything that is sent. `PROPERTY_EXAMPLES=2000 make test ARGS=tests/properties` tries more of it."""

import os

from hypothesis import HealthCheck, settings

# The short run tries the same every time, a long one something new.
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "0"))


def tried(usual: int) -> settings:
    """How often a property is tried: `usual`, or as often as PROPERTY_EXAMPLES says."""
    return settings(
        max_examples=EXAMPLES or usual,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
