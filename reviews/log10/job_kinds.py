"""What jobs there are: each kind with the function that makes its steps."""

from reviews.models import JobKind
from reviews.workflow.jobs import Kind

KINDS: dict[JobKind, Kind] = {}
