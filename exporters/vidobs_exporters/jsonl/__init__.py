"""Events in a file, one JSON object per line.

`options` reads what the user set, `exporter` writes, `rotation` puts full files aside.
"""

from __future__ import annotations

from vidobs_exporters.jsonl.exporter import JsonlExporter

__all__ = ["JsonlExporter"]
