"""The one place that builds an object with pods, and its Services, from an app and its patterns."""

from .arguments import WorkloadArgs as WorkloadArgs
from .workload import Workload as Workload
