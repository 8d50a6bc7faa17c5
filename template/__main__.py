"""${DESCRIPTION}"""

import pulumi
from pod_patterns import App, Port, Rebind, TlsAmbassadorArgs, Workload, WorkloadArgs

# a web application that shows that it works; put your own in its place
app = App(
    name="web",
    image="ghcr.io/stefanprodan/podinfo:6.14.1",
    uid=100,
    gid=101,
    # the environment that tells it where to listen: the ambassador moves it to 127.0.0.1
    ports=[Port(name="http", number=9898, rebind=Rebind(env={"PODINFO_HOST": "{host}", "PODINFO_PORT": "{port}"}))],
    readiness_probe={"httpGet": {"path": "/readyz", "port": "http"}},
)
web = Workload("web", WorkloadArgs(app=app, patterns=[TlsAmbassadorArgs()]))

pulumi.export("url", web.endpoints["http"])
pulumi.export("ca", web.ca_pem)
pulumi.export("summary", web.summary)
