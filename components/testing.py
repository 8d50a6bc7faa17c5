"""For unit tests: runs a Pulumi program without an engine, against mocks that answer like the providers, and records it.

def test_the_web_server_has_two_replicas():
    recording = run(lambda: Web("web"))
    assert recording.one("Deployment").inputs["spec"]["replicas"] == 2
    assert run(lambda: Web("web").url).value == "https://web"
"""

from .offline.mocks import Mocks, secret
from .offline.recording import UNKNOWN, Recording, Registration
from .offline.run import Program, run

__all__ = ["UNKNOWN", "Mocks", "Program", "Recording", "Registration", "run", "secret"]
