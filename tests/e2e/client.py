"""A pod with curl, in the namespace of the app: what tests see of an app, they see from another pod."""

from components.core.identity import restricted

from .cluster import Done, Namespace

IMAGE = "curlimages/curl:8.12.1"


class Client:
    """A client pod; made where there is none of that name yet."""

    def __init__(self, namespace: Namespace, name: str = "client") -> None:
        self.namespace, self.name = namespace, name
        namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "client",
                            "image": IMAGE,
                            "command": ["sleep", "86400"],
                            "securityContext": restricted(100, 101),
                            "volumeMounts": [{"name": "files", "mountPath": "/files"}],
                        }
                    ],
                    "volumes": [{"name": "files", "emptyDir": {}}],
                },
            }
        )
        namespace.wait(f"pod/{name}", "condition=Ready")

    def run(self, *command: str, stdin: str | None = None, timeout: float = 120) -> Done:
        """Runs a command in the pod, whatever comes of it."""
        return self.namespace.exec(self.name, "client", *command, stdin=stdin, timeout=timeout)

    def curl(self, *arguments: str, timeout: float = 120) -> Done:
        """Runs curl, quietly and bounded in time; `out` is the answer's body, `code` curl's exit code, `err` its error."""
        return self.run("curl", "-sS", "--connect-timeout", "5", "--max-time", str(int(timeout)), *arguments, timeout=timeout + 30)

    def file(self, name: str, content: str) -> str:
        """Writes a file in the pod and returns its path there."""
        path = f"/files/{name}"
        # as an argument: of a standard input, kubectl on a busy machine may deliver nothing
        done = self.run("sh", "-c", 'printf %s "$1" >"$2"', "sh", content, path)
        assert done.code == 0, done.text
        return path
