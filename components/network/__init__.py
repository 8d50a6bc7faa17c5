"""What may reach a workload's pods, and what they may reach."""

from .peer import Peer as Peer
from .policy import NetworkPolicyArgs as NetworkPolicyArgs
