"""python -m pod_patterns"""

from .cli.main import entry

entry()
