"""The kernel of the node."""

from .cluster import Namespace


class Node:
    """The kernel that the pods run on, reached through a privileged pod."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        container = {
            "name": "node",
            "image": "busybox:1.37",
            "command": ["sleep", "86400"],
            "securityContext": {"privileged": True, "runAsUser": 0},
        }
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": spec})
        namespace.wait("pod/node", "condition=Ready")

    def max_map_count(self) -> int:
        """vm.max_map_count of the node."""
        return int(self._run("cat /proc/sys/vm/max_map_count"))

    def set_max_map_count(self, value: int) -> None:
        """Sets it, without asking."""
        self._run(f"echo {value} >/proc/sys/vm/max_map_count")

    def _run(self, script: str) -> str:
        done = self._namespace.exec("node", "node", "sh", "-c", script)
        assert done.code == 0, done.text
        return done.out
