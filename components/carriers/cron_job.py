"""CronJob: a Job again and again."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from ..core import checks
from ..core.patch import Wire
from ..core.rules import NotNegative, Positive
from .batch import Batch
from .carrier import Asked, Parts, is_older
from .job import Job

# its Jobs are called <name>-<10 digits>, and may have 63: k8s.io/kubernetes/pkg/apis/batch/validation
_LONGEST_NAME = 52

_FIELD = r"[0-9A-Za-z*/,?#-]+"
_WHEN = rf"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every [0-9a-z.]+|{_FIELD}( +{_FIELD}){{4}}"
_when = checks.shaped(
    _WHEN,
    "five fields of cron, e.g. '30 3 * * *', or @hourly, @daily, @weekly, @monthly, @yearly",
)


@checks.outlined(_WHEN)
def _schedule_problems(what: str, value: str) -> list[str]:
    if "TZ=" in value:
        return [f"{what} {value!r} is not allowed: the time zone does not belong in it; set time_zone="]
    return _when(what, value)


Schedule = Annotated[str, _schedule_problems]
# `Local` would be the control plane's own, which the API refuses
TimeZone = Annotated[
    str,
    checks.shaped(
        r"(?![Ll][Oo][Cc][Aa][Ll]$)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", "a name of the IANA database, e.g. Europe/Berlin"
    ),
]


@dataclass(frozen=True, kw_only=True)
class CronJob(Batch):
    """A Job again and again, at the times of a schedule. A change of the pod is that of the next Job; ConfigMaps and Secrets of the former
    are gone then, so that one that runs meanwhile finishes, but cannot start again."""

    schedule: Schedule
    """When, in the five fields of cron: `30 3 * * *` is half past three every night."""
    time_zone: TimeZone | None = None
    """Time zone of the schedule, e.g. Europe/Berlin; before Kubernetes 1.27 it needs a feature gate. Default: None, the one of the
    control plane, mostly UTC."""
    concurrency: Literal["Allow", "Forbid", "Replace"] = "Forbid"
    """What happens when the former Job still runs: both run, the new one is left out, or it takes the place of the former. Default:
    Forbid."""
    starting_deadline_seconds: Positive | None = None
    """How late a Job may still begin. Default: None, at any time."""
    successful_history: NotNegative = 3
    """How many Jobs that have succeeded are kept. Default: 3."""
    failed_history: NotNegative = 1
    """How many Jobs that have failed are kept. Default: 1."""
    suspend: bool = False
    """Whether no further Job begins. Default: False."""
    job: Job = field(default_factory=Job)
    """What each Job is like. Default: Job()."""

    def refusals(self, args: Asked, /) -> list[str]:
        """What the workload asks for, and a CronJob does not have."""
        found, name = super().refusals(args), args.app.name
        if isinstance(name, str) and len(name) > _LONGEST_NAME:
            found.append(f"app.name has {len(name)} characters, but a CronJob's may have {_LONGEST_NAME}; shorten it")
        if self.time_zone is not None and is_older(args, (1, 25)):
            found.append(
                f"time_zone needs Kubernetes 1.25, but kubernetes_version is {args.kubernetes_version}; leave time_zone out, and write the "
                "schedule in the control plane's own"
            )
        return found

    def manifest(self, parts: Parts) -> Wire:
        """The CronJob."""
        optional = {"timeZone": self.time_zone, "startingDeadlineSeconds": self.starting_deadline_seconds}
        return {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": parts.named(),
            "spec": {
                "schedule": self.schedule,
                **{key: value for key, value in optional.items() if value is not None},
                "concurrencyPolicy": self.concurrency,
                "successfulJobsHistoryLimit": self.successful_history,
                "failedJobsHistoryLimit": self.failed_history,
                **({"suspend": True} if self.suspend else {}),
                "jobTemplate": {"metadata": {"labels": parts.metadata["labels"]}, "spec": self.job.spec(parts)},
            },
        }
