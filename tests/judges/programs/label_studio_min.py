"""Makes the export JSON-MIN of tasks, as the library of Label Studio does."""

from __future__ import annotations

from label_studio_sdk.converter import Converter


def main(config: str, tasks: str, out: str) -> None:
    """Write ``result.json``.

    Args:
        config: A labeling configuration, an XML file.
        tasks: A file with tasks.
        out: Folder of the result.
    """
    Converter(config, out, download_resources=False).convert_to_json_min(tasks, out, is_dir=False)
