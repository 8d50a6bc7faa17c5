"""Article, section 5: a custom log destination in place of `tail`."""

import inspect
import json
import re
from collections.abc import Callable

import pulumi
import pytest

from components.core.app import App, LogFiles, Port, Rebind
from components.patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from components.patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from components.workload import Workload, WorkloadArgs
from tests.support import otlp

from .client import Client
from .cluster import Namespace, eventually
from .deploy import deploy

# the receiver of the behaviour tests, which also answers a GET with the lines that it has
RECEIVER = f"""\
import os
{inspect.getsource(otlp).replace("from tests.support.servers import LOOPBACK", 'LOOPBACK = os.environ["HOST"]')}

def lines(handler):
    body = "\\n".join(handler.server.lines).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


_Handler.do_GET = lines
Receiver(int(os.environ["PORT"])).serve_forever()
"""

# a line every 20 ms, a rotation every 100 lines, and a last word
WRITER = """\
number=0
trap 'echo "stopping after $number" >>/var/log/web/web.log; exit 0' TERM
while :; do
  echo "line $number" >>/var/log/web/web.log
  number=$((number + 1))
  [ $((number % 100)) -ne 0 ] || mv /var/log/web/web.log /var/log/web/web.log.$number
  sleep 0.02
done
"""
WEB = App(
    name="web",
    image="busybox:1.37",
    command=("sh", "-c", WRITER),
    log_files=LogFiles(directory="/var/log/web", files=("web.log",)),
    pre_stop_seconds=0,
    stop_seconds=5,
)


def receiver_app(namespace: Namespace) -> App:
    metadata = {"name": "receiver"}
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"receiver.py": RECEIVER}})
    return App(
        name="receiver",
        image="python:3.12-alpine",
        command=("python3", "/receiver/receiver.py"),
        env={"HOST": "0.0.0.0", "PORT": "4318"},
        ports=(Port(name="http", number=4318, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"})),),
        volumes=({"name": "receiver", "configMap": {"name": "receiver"}},),
        volume_mounts=({"name": "receiver", "mountPath": "/receiver", "readOnly": True},),
        readiness_probe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        pre_stop_seconds=0,
        stop_seconds=1,
    )


def kill(namespace: Namespace) -> None:
    """Kills the shipper of this namespace, in whose image is nothing that could."""
    script = (
        'for p in /proc/[0-9]*; do if tr "\\0" "\\n" <$p/environ 2>/dev/null | '
        f'grep -qx "POD_NAMESPACE={namespace.name}"; then kill -KILL "${{p#/proc/}}"; fi; done'
    )
    container = {"name": "killer", "image": "busybox:1.37", "command": ["sh", "-c", script], "securityContext": {"privileged": True}}
    spec = {"hostPID": True, "restartPolicy": "Never", "containers": [container]}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "killer"}, "spec": spec})
    namespace.wait("pod/killer", "jsonpath={.status.phase}=Succeeded")


@pytest.mark.parametrize("namespace", ["privileged"], indirect=True)
def test_every_line_arrives_over_tls_also_after_a_crash_and_the_last_ones(namespace: Namespace, figure: Callable[[str], None]) -> None:
    receiver = receiver_app(namespace)

    def program() -> None:
        tls = TlsAmbassador("tls", TlsAmbassadorArgs(service_name="receiver", namespace=namespace.name))
        destination = Workload("receiver", WorkloadArgs(app=receiver, patterns=[tls], namespace=namespace.name))
        args = LogShipperSidecarArgs(endpoint=f"https://receiver.{namespace.name}.svc:4318", ca_pem=destination.ca_pem)
        web = Workload("web", WorkloadArgs(app=WEB, patterns=[LogShipperSidecar("logs", args)], namespace=namespace.name))
        pulumi.export("ca_pem", destination.ca_pem)
        pulumi.export("level", web.pod_security_level)

    deployment = deploy(namespace, program)
    assert deployment.outputs["level"] == "restricted"
    client = Client(namespace)
    ca = client.file("ca.pem", deployment.outputs["ca_pem"])

    def lines() -> list[str]:
        answer = client.curl("--cacert", ca, "https://receiver:4318/")
        assert answer.code == 0, answer.text
        return answer.out.splitlines()

    def count() -> int:
        return sum(1 for line in set(lines()) if line.startswith("line "))

    eventually(lambda: count() > 150, "lines from before and after a rotation", timeout=60)
    kill(namespace)

    def restarts() -> int:
        (pod,) = namespace.pods("web")
        return int(next(s for s in pod["status"]["initContainerStatuses"] if s["name"] == "log-shipper")["restartCount"])

    eventually(lambda: restarts() == 1, "the shipper, started again", timeout=60)
    before = count()
    eventually(lambda: count() > before + 100, "lines from after the crash", timeout=60)
    namespace.kubectl("scale", "deployment", "web", "--replicas=0")

    def whole() -> bool:
        found = lines()
        last = [m for line in found if (m := re.fullmatch(r"stopping after (\d+)", line))]
        assert last, found[-1]
        assert set(found) == {last[0].group(), *(f"line {number}" for number in range(int(last[0].group(1))))}
        return True

    eventually(whole, "every line and the last word", timeout=60)
    found = lines()
    figure(json.dumps({"lines": len(set(found)), "arrived twice": len(found) - len(set(found)), "lost": 0}))
