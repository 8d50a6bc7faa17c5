"""Jobs and CronJobs: what they say, and what cannot come to an end in them."""

from typing import Any

import pulumi
import pytest

from components.carriers import CronJob, Job
from components.core.errors import ArgumentError, CompositionError
from components.core.patch import ConfigFiles, PodPatch, sidecar
from components.core.rollout import RollingUpdate
from components.offline import manifests
from components.patterns.metrics_adapter import MetricsAdapterArgs
from components.patterns.tls_ambassador import TlsAmbassadorArgs
from components.testing import Recording, run
from components.workload import Workload, WorkloadArgs
from tests.support.pods import Adds, container, web

NIGHTLY = CronJob(schedule="30 3 * * *")
KINDS = (Job(), NIGHTLY)
SIDE = Adds("side", PodPatch(init_containers=(sidecar(container("side")),)))
FIRST = Adds("first", PodPatch(init_containers=(container("first"),)))


def report(*patterns: Any, kind: Job | CronJob, name: str = "report", **arguments: Any) -> Recording:
    return run(lambda: Workload(name, WorkloadArgs(**{"app": web(), **arguments}, kind=kind, patterns=patterns)))


def refused(*patterns: Any, **arguments: Any) -> tuple[str, ...]:
    with pytest.raises((ArgumentError, CompositionError)) as error:
        report(*patterns, **arguments)
    return error.value.problems


def test_what_a_job_says() -> None:
    job = report(SIDE, kind=Job(backoff_limit=2, completions=4, parallelism=2, active_deadline_seconds=60)).one("Job").inputs
    spec = dict(job["spec"])
    template = spec.pop("template")
    # no selector: the Job makes its own
    assert spec == {"backoffLimit": 2, "completions": 4, "parallelism": 2, "activeDeadlineSeconds": 60}
    assert template["spec"]["restartPolicy"] == "OnFailure"
    assert template["spec"]["initContainers"][0]["restartPolicy"] == "Always"
    assert job["metadata"]["annotations"] == {"pulumi.com/timeoutSeconds": "600"}


def test_a_changed_job_is_another_one_and_the_former_ends_first() -> None:
    def job(content: str) -> Any:
        files = Adds("files", PodPatch(config_files=(ConfigFiles(name="config", files={"a": content}),)))
        return report(files, kind=Job()).one("Job")

    one, two = job("one"), job("two")
    assert "name" not in one.inputs["metadata"]
    assert one.outputs["metadata"]["name"] == job("one").outputs["metadata"]["name"] != two.outputs["metadata"]["name"]
    assert one.request.deleteBeforeReplace


def test_what_a_cron_job_says() -> None:
    kind = CronJob(
        schedule="@daily",
        time_zone="Europe/Berlin",
        concurrency="Replace",
        starting_deadline_seconds=600,
        successful_history=1,
        failed_history=2,
        suspend=True,
        job=Job(backoff_limit=0),
    )
    found = report(kind=kind).one("CronJob").inputs
    spec = dict(found["spec"])
    job = spec.pop("jobTemplate")["spec"]
    assert found["metadata"]["name"] == "web"
    assert spec == {
        "schedule": "@daily",
        "timeZone": "Europe/Berlin",
        "concurrencyPolicy": "Replace",
        "startingDeadlineSeconds": 600,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 2,
        "suspend": True,
    }
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "OnFailure")


@pytest.mark.parametrize("kind", KINDS, ids=["job", "cron-job"])
def test_nobody_is_led_to_its_pods(kind: Job | CronJob) -> None:
    found = manifests(lambda: Workload("report", WorkloadArgs(app=web(), kind=kind, patterns=[MetricsAdapterArgs(exporter="nginx")])))
    assert {m["kind"] for m in found} <= {"Job", "CronJob", "ConfigMap"}

    def program() -> None:
        made = Workload("report", WorkloadArgs(app=web(), kind=kind))
        pulumi.export("endpoints", made.endpoints)
        pulumi.export("service_name", made.service_name)

    assert run(program).exports == {"endpoints": {}, "service_name": ""}


@pytest.mark.parametrize("kind", KINDS, ids=["job", "cron-job"])
def test_what_the_library_says_of_its_pods(kind: Job | CronJob) -> None:
    what = type(kind).__name__
    nobody = f"but no Service leads to a {what}"
    probe = {"httpGet": {"path": "/", "port": "http"}}
    assert refused(
        kind=kind,
        replicas=2,
        strategy=RollingUpdate(),
        service_name="reports",
        service_type="NodePort",
        app=web(readiness_probe=probe),
    ) == (
        "replicas is 2, but a Job counts its pods itself; leave replicas out, and see its parallelism=",
        f"strategy is set, but pods of a {what} are not updated; leave strategy out",
        f"service_name is set, {nobody}; leave service_name out",
        f"service_type is 'NodePort', {nobody}; leave service_type out",
        f"app.readiness_probe is set, {nobody}, so that nothing asks whether its pods are ready; leave it out",
    )
    report(kind=kind, replicas=None, app=web(liveness_probe=probe, startup_probe=probe))


@pytest.mark.parametrize("kind", KINDS, ids=["job", "cron-job"])
def test_an_ambassador_without_a_client_is_refused_and_one_for_the_scraper_is_not(kind: Job | CronJob) -> None:
    what = type(kind).__name__
    assert refused(TlsAmbassadorArgs(), kind=kind) == (
        f"port 'http' of the app is behind an ambassador, but no Service leads to a {what}, so that no client comes; leave the ambassador "
        "out, or set kind=Deployment()",
    )
    # a scraper asks the pods themselves
    metrics = [TlsAmbassadorArgs(target_ports=["http-prometheus"]), MetricsAdapterArgs(exporter="nginx")]
    assert report(*metrics, kind=kind).one(what)


@pytest.mark.parametrize("kind", KINDS, ids=["job", "cron-job"])
def test_classic_sidecars_never_end(kind: Job | CronJob) -> None:
    what = type(kind).__name__
    classic = {"kind": kind, "sidecars": "classic", "kubernetes_version": "1.28"}
    assert refused(SIDE, FIRST, **classic) == (
        f"classic sidecars never end, and so would no {what} with side in its pod; set sidecars='native' (Kubernetes 1.29)",
    )
    assert report(FIRST, **classic).one(what)


@pytest.mark.parametrize("schedule", ["* * * * *", "*/5 0-12 1,15 JAN mon-fri", "@hourly", "@every 1h30m"])
def test_a_schedule_is_one_of_cron(schedule: str) -> None:
    assert report(kind=CronJob(schedule=schedule)).one("CronJob").inputs["spec"]["schedule"] == schedule


FIVE = "five fields of cron, e.g. '30 3 * * *', or @hourly, @daily, @weekly, @monthly, @yearly"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "six fields": ({"kind": CronJob(schedule="0 30 3 * * *")}, f"kind.schedule '0 30 3 * * *' is not allowed: {FIVE}"),
    "no schedule": ({"kind": CronJob(schedule="daily")}, f"kind.schedule 'daily' is not allowed: {FIVE}"),
    "a time zone in the schedule": (
        {"kind": CronJob(schedule="CRON_TZ=UTC 30 3 * * *")},
        "kind.schedule 'CRON_TZ=UTC 30 3 * * *' is not allowed: the time zone does not belong in it; set time_zone=",
    ),
    "the control plane's time zone": (
        {"kind": CronJob(schedule="@daily", time_zone="local")},
        "kind.time_zone 'local' is not allowed: a name of the IANA database, e.g. Europe/Berlin",
    ),
    "a time zone before Kubernetes 1.25": (
        {"kind": CronJob(schedule="@daily", time_zone="UTC"), "sidecars": "classic", "kubernetes_version": "1.24"},
        "time_zone needs Kubernetes 1.25, but kubernetes_version is 1.24; leave time_zone out, and write the schedule in the control "
        "plane's own",
    ),
    "a long CronJob": ({"kind": NIGHTLY, "app": web(name="a" * 53)}, "app.name has 53 characters, but a CronJob's may have 52; shorten it"),
    "a long Job": (
        {"kind": Job(), "name": "a" * 55},
        f"name '{'a' * 55}' has 55 characters, but a Job's may have 54; shorten it",
    ),
    "a wrong Job of a CronJob": (
        {"kind": CronJob(schedule="@daily", job=Job(backoff_limit=-1))},
        "kind.job.backoff_limit -1 is not allowed: a whole number, 0 or more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_be_is_refused(case: str) -> None:
    arguments, line = REFUSED[case]
    assert refused(**arguments) == (line,)
