"""The Pulumi program: what the stack file says, built, and what is known of it then."""

import pulumi

from components.declared import stack
from stacks import settings

workload = stack.build(settings.read())

for output in (
    "service_name",
    "endpoints",
    "ca_pem",
    "certificate_expires_at",
    "pod_security_level",
    "privileged_containers",
    "plaintext_ports",
    "health_ports",
    "summary",
):
    pulumi.export(output, getattr(workload, output))
