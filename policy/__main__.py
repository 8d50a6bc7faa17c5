"""The policy pack; `pulumi preview --policy-pack policy` runs it."""

from pulumi_policy import PolicyPack
from stack_rules.pack import POLICIES

PolicyPack("pod-patterns", POLICIES)
