"""The kernel of the node, and its disk."""

from .cluster import Namespace, kubectl

VOLUMES = "/var/tmp/pod-patterns-e2e"
"""Directory of the node for volumes."""


class Node:
    """The kernel that the pods run on, and its disk, reached through a privileged pod."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        container = {
            "name": "node",
            "image": "busybox:1.37",
            "command": ["sleep", "86400"],
            "securityContext": {"privileged": True, "runAsUser": 0},
            "volumeMounts": [{"name": "volumes", "mountPath": VOLUMES}],
        }
        directory = {"name": "volumes", "hostPath": {"path": VOLUMES, "type": "DirectoryOrCreate"}}
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [directory]}
        namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": spec})
        namespace.wait("pod/node", "condition=Ready")

    def max_map_count(self) -> int:
        """vm.max_map_count of the node."""
        return int(self._run("cat /proc/sys/vm/max_map_count"))

    def set_max_map_count(self, value: int) -> None:
        """Sets it, without asking."""
        self._run(f"echo {value} >/proc/sys/vm/max_map_count")

    def volumes(self, namespace: Namespace, count: int) -> str:
        """Makes so many volumes of a gigabyte for claims of the namespace, in place of a provisioner. Returns their storage class."""
        directories = [f"{VOLUMES}/{namespace}-{number}" for number in range(count)]
        for directory in directories:
            # the kubelet gives a hostPath to nobody; to all, because each user of a pod has an own id
            self._run(f"mkdir -p {directory} && chmod 777 {directory}")
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": directory.rpartition("/")[2]},
                "spec": {
                    "storageClassName": namespace.name,
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": directory, "type": "Directory"},
                },
            }
            namespace.apply(volume)

        def undo() -> None:
            names = [directory.rpartition("/")[2] for directory in directories]
            kubectl("delete", "persistentvolume", *names, "--ignore-not-found", "--wait=false")
            self._run(f"rm -rf {' '.join(directories)}")

        namespace.undo.append(undo)
        return namespace.name

    def _run(self, script: str) -> str:
        done = self._namespace.exec("node", "node", "sh", "-c", script)
        assert done.code == 0, done.text
        return done.out
