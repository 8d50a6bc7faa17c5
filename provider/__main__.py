"""The components, served to programs in other languages."""

from pathlib import Path

from pod_patterns.provider.host import main

if __name__ == "__main__":
    main(Path(__file__).with_name("schema.json"))
