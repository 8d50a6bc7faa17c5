"""An application that can be told nothing: it listens on every address, speaks plain HTTP, and logs into files.

Nothing in its image is changed. Its port is redirected to an ambassador, and its files are shipped.
"""

import pulumi
from pod_patterns import (
    App,
    LogShipperSidecarArgs,
    Port,
    SecretKey,
    TlsAmbassadorArgs,
    TrafficRedirectInitArgs,
    Workload,
    WorkloadArgs,
)

billing = App(
    name="billing",
    image="registry.acme.example/billing:2009",
    uid=1000,
    # without a Rebind: it cannot be moved
    ports=[Port(name="http", number=8080)],
)
logs = LogShipperSidecarArgs(
    endpoint="https://logs.acme.example:4318",
    secret_headers={"authorization": SecretKey(name="logs", key="authorization")},
    directory="/opt/billing/log",
    files=["billing.log"],
    # a stack trace belongs to the line above it
    line_start_pattern=r"\d{4}-\d{2}-\d{2} ",
)
workload = Workload(
    "billing",
    # what redirects stands before the ambassador that it redirects to
    WorkloadArgs(app=billing, namespace="billing", patterns=[TrafficRedirectInitArgs(), TlsAmbassadorArgs(), logs]),
)
pulumi.export("url", workload.endpoints["http"])
pulumi.export("ca", workload.ca_pem)
# the redirection needs a container with NET_ADMIN
pulumi.export("security", workload.pod_security_level)
