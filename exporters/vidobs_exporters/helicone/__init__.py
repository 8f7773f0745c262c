"""What became of jobs, as log requests of Helicone.

`record` makes the body and `headers` the headers of one; `exporter` sends.
"""

from __future__ import annotations

from vidobs_exporters.helicone.exporter import HeliconeExporter

__all__ = ["HeliconeExporter"]
