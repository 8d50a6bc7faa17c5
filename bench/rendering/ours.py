"""python -m bench.rendering.ours COUNT: workloads with patterns, to stdout."""

import sys

from bench.rendering.objects import program
from components.offline import manifests
from components.offline.order import ordered
from components.offline.printing import stream

if __name__ == "__main__":
    print(stream(map(ordered, manifests(lambda: program(int(sys.argv[1]))))), end="")
