"""What carries the pods of a workload: a type for each kind, which makes the object and says what the kind cannot carry."""

from .cron_job import CronJob as CronJob
from .daemon_set import DaemonSet as DaemonSet
from .deployment import Deployment as Deployment
from .job import Job as Job
from .stateful_set import StatefulSet as StatefulSet

Kind = Deployment | StatefulSet | DaemonSet | Job | CronJob
