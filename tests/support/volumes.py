"""Volumes that change as the kubelet changes them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class Volume:
    """A ConfigMap's or Secret's volume, which changes as kubelet's AtomicWriter changes it."""

    def __init__(self, directory: Path, **files: str) -> None:
        self.directory, self._count = directory, 0
        directory.mkdir()
        self.swap(files)

    def swap(self, files: Mapping[str, str]) -> None:
        """The object has these files now."""
        self._count += 1
        link = self.directory / "..data"
        old = os.readlink(link) if link.is_symlink() else None
        new = self.directory / f"..2025_01_01_00_00_00.{self._count}"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_text(content)
        (self.directory / "..data_tmp").symlink_to(new.name)
        (self.directory / "..data_tmp").rename(link)
        for name in files:
            if not (self.directory / name).is_symlink():
                (self.directory / name).symlink_to(f"..data/{name}")
        if old:
            shutil.rmtree(self.directory / old)
