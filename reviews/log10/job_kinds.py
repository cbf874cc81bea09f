"""What jobs there are: each kind with the function that makes its steps."""

from reviews.log10 import import_job
from reviews.models import JobKind
from reviews.workflow.job_kinds import exporting, rerouting, selecting
from reviews.workflow.jobs import Kind

KINDS: dict[JobKind, Kind] = {
    JobKind.EXPORT: exporting.step,
    JobKind.IMPORT: import_job.step,
    JobKind.ADD_TO_QUEUE: selecting.add_to_queue,
    JobKind.REQUEUE: selecting.requeue,
    JobKind.REROUTE: rerouting.step,
}
