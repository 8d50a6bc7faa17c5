"""TrafficRedirectInit: an app that cannot change the address it listens on, behind an ambassador anyway."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi

from ..core.component import PatternComponent
from ..core.patch import OutboundRedirect, PodPatch, UndeclaredPort
from ..core.plug import PatternArgs
from ..core.quantities import sized
from ..core.rules import Image, Label, NotNegative, PortName, PortNumber, Resources
from ..core.view import APP, LOOPBACK, PodView

# Declared before it is deleted, so that a table of an earlier run is replaced and none is no error; nft carries it out in one transaction.
_TABLE = """\
table inet {name}
delete table inet {name}
table inet {name} {{
{chains}}}
"""

# what comes in through an interface; what containers of the pod send each other comes through lo
_INBOUND = """\
  chain inbound {{
    type nat hook prerouting priority -100; policy accept;
{rules}  }}
"""

_OUTBOUND = """\
  chain outbound {{
    type nat hook output priority -100; policy accept;
{rules}  }}
"""


@dataclass(frozen=True, kw_only=True)
class TrafficRedirectInitArgs(PatternArgs):
    """Arguments of TrafficRedirectInit."""

    target_ports: Sequence[PortName] = ("http",)
    """Names of the app's ports to redirect. List the ambassador that serves them after this pattern. Default: http."""
    first_number: PortNumber = 15000
    """Where ambassadors listen in place of the app's own numbers: the first free one from here on. Default: 15000."""
    outbound_port: PortNumber | None = None
    """Port of a proxy in the pod that receives the pod's outbound TCP connections; SO_ORIGINAL_DST holds the original destination. Patterns
    that need the network while the pod starts are listed before this one, or behind the sidecar that serves the port. Default: None, no
    redirection."""
    outbound_ports: Sequence[PortNumber] = ()
    """Destination ports whose connections are redirected. Default: none, all of them."""
    exclude_uids: Sequence[NotNegative] = ()
    """User ids whose connections are not redirected, the proxy's own among them. Default: none."""
    exclude_outbound_ports: Sequence[PortNumber] = ()
    """Destination ports whose connections are not redirected. Default: none."""
    image: pulumi.Input[Image] = "registry.k8s.io/kube-proxy:v1.36.3"
    """Image with nft 1.0.1 or later. Default: registry.k8s.io/kube-proxy:v1.36.3, which most nodes have anyway."""
    container_name: Label = "traffic-redirect"
    """Default: traffic-redirect."""
    resources: Resources = sized("10m", "16Mi", "64Mi")
    """Requests and limits. Default: 10m, 16Mi to 64Mi."""

    def problems(self) -> list[str]:
        """What is wrong between the fields."""
        found = []
        if self.outbound_port is None:
            if not self.target_ports:
                found.append("target_ports is empty and outbound_port is not set: there is nothing to redirect; set one of them")
            given = [name for name in ("outbound_ports", "exclude_uids", "exclude_outbound_ports") if getattr(self, name)]
            return found + [f"{name} is set, but nothing of the pod's own is redirected; set outbound_port=" for name in given]
        if not self.exclude_uids:
            found.append("exclude_uids is empty, so that the proxy's own connections would come back to it; name the proxy's user id")
        both = sorted(set(self.outbound_ports) & set(self.exclude_outbound_ports))
        return found + [f"port {n} is in outbound_ports and in exclude_outbound_ports; take it out of one of them" for n in both]

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        """Marks the ports with the number on which an ambassador is to listen."""
        problems = []
        for name in self.target_ports:
            port = pod.port(name)
            if port is None:
                problems.append(f"there is no port {name!r} to redirect; set target_ports= (known: {pod.known_ports()})")
            elif port.owner != APP:
                problems.append(
                    f"port {name!r} is served by {port.owner}, which follows its ambassadors by itself; take it out of target_ports="
                )
            elif port.frontend:
                problems.append(f"port {name!r} has an ambassador in front of it already; list TrafficRedirectInit first")
            elif port.redirect is not None:
                problems.append(f"port {name!r} is redirected already; name it once")
            else:
                number = pod.free_port(self.first_number)
                pod = pod.with_port(replace(port, redirect=number)).reserve(number)
        return pod, PodPatch(problems=tuple(problems))

    def patch(self, pod: PodView) -> PodPatch:
        """The init container, with the numbers as the ambassadors left them."""
        inbound, outbound, listens, problems = [], [], [], []
        for name in self.target_ports:
            port = pod.port(name)
            if port is None or port.redirect is None:
                continue
            if port.frontend is None:
                problems.append(
                    f"no ambassador has taken over port {name!r}, so that nobody would listen where its traffic goes; "
                    "list one after TrafficRedirectInit, or take the port out of target_ports="
                )
                continue
            inbound.append(f'iifname != "lo" tcp dport {port.frontend.number} redirect to :{port.redirect}')
            # on behalf of the ambassador, which does not choose it
            listens.append(UndeclaredPort(number=port.redirect, argument="first_number"))
            outbound.append(f"ip daddr {LOOPBACK} tcp dport {port.number} redirect to :{port.frontend.number}")
        if self.outbound_port is not None:
            problems += self._outbound_conflicts(pod, self.outbound_port)
            outbound += self._outbound(self.outbound_port)
        if problems or not outbound:
            return PodPatch(problems=tuple(problems))
        chains = "".join(
            chain.format(rules="".join(f"    {rule}\n" for rule in rules))
            for chain, rules in ((_INBOUND, inbound), (_OUTBOUND, outbound))
            if rules
        )
        container = {
            "name": self.container_name,
            "image": self.image,
            "command": ["nft", _TABLE.format(name=f"pod-patterns-{self.container_name}", chains=chains)],
            "resources": self.resources,
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
                "readOnlyRootFilesystem": True,
                "runAsUser": 0,
                "runAsGroup": 0,
                "runAsNonRoot": False,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        return PodPatch(init_containers=(container,), undeclared_ports=tuple(listens), redirects=self._redirects())

    def _redirects(self) -> tuple[OutboundRedirect, ...]:
        if self.outbound_port is None:
            return ()
        excluded = {"exclude_ports": tuple(self.exclude_outbound_ports), "exclude_uids": tuple(self.exclude_uids)}
        return (OutboundRedirect(port=self.outbound_port, ports=tuple(self.outbound_ports), **excluded),)

    def _outbound(self, number: int) -> list[str]:
        wanted = f"tcp dport {_set(self.outbound_ports)}" if self.outbound_ports else "meta l4proto tcp"
        excluded = [f"tcp dport {_set(self.exclude_outbound_ports)} return"] if self.exclude_outbound_ports else []
        return [
            'oifname "lo" return',
            f"meta skuid {_set(self.exclude_uids)} return",
            *excluded,
            f"{wanted} redirect to :{number}",
        ]

    def _outbound_conflicts(self, pod: PodView, number: int) -> list[str]:
        found = []
        if pod.app.uid is not None and pod.app.uid in self.exclude_uids:
            found.append(
                f"exclude_uids has the app's own user id {pod.app.uid}, so that none of its connections would be redirected; take it out"
            )
        own = next((p for p in pod.ports if p.owner == APP and number in (p.number, p.outer_number)), None)
        if own:
            found.append(f"outbound_port {number} is port {own.name!r} of the app itself; set it to the proxy's port")
        return found


class TrafficRedirectInit(PatternComponent[TrafficRedirectInitArgs]):
    """nftables rules in the pod's own network namespace, set by an init container that ends before the app starts.

    The app stays on the number it knows, on every address. Connections from outside to that number reach the ambassador, which listens
    on another one; what the ambassador sends to the app's inner number on 127.0.0.1 the kernel brings to the app. List it before the
    ambassadors. The app must listen on 127.0.0.1 too, and over TCP. It is not for pods with hostNetwork: the rules would be the node's.

    The container has the capability NET_ADMIN, which the baseline Pod Security Standard rejects, and is root, because a capability that is
    added is effective for nobody else; it is not privileged. `Workload.privileged_containers` names it.

    Raises ArgumentError.
    """

    def wrap(self, pod: PodView) -> tuple[PodView, PodPatch]:
        """See its arguments."""
        return self.args.wrap(pod)


def _set(numbers: Sequence[int]) -> str:
    """An anonymous set of nftables."""
    return f"{{ {', '.join(map(str, dict.fromkeys(numbers)))} }}"
