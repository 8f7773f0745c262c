"""docs/settings.md, made from the table: `python -m vidobs.config.reference > docs/settings.md`."""

from __future__ import annotations

import sys

from vidobs.config.settings import SETTINGS, Setting
from vidobs.config.sources import CONFIG_ENV

_INTRO = f"""\
# Settings

<!-- Made by `python -m vidobs.config.reference > docs/settings.md`; do not edit. -->

Every setting can be given to `vidobs.configure(...)`, in a YAML file, and most as an environment
variable. Arguments win over the environment, the environment over the file, the file over the
default. `vidobs config` shows what holds and where each value came from.

The file is the one that `{CONFIG_ENV}` names, else `vidobs.yaml` in the working directory:

```yaml
callbacks: [console, jsonl]          # what is switched on
exporters:                           # how it is set up
  jsonl: {{path: "${{env:HOME}}/videos.jsonl"}}
capture: {{content: none, media: none}}
ledger: sqlite:////var/lib/vidobs/ledger.db
prices:
  - {{provider: openai, model: my-model, unit: output_second, usd: 0.05}}
policies:
  openai: {{bill_on_failed: no}}
```

- `${{env:NAME}}` stands for an environment variable, anywhere in a text; `os.environ/NAME` as the
  whole text does too. A variable that is not set is an error, but for one that only an exporter
  needs which is off.
- An empty environment variable counts as not set.
- `exporters`, `policies` and `links` are merged by key, and `prices` are added up; of two rows for
  the same thing the one of the better source stays.
- What exporters there are, and the options that each of them has, is in [exporters](exporters.md).
- LiteLLM's `litellm_settings.callbacks`, `success_callback` and `failure_callback` are read as
  `callbacks`, [its names](exporters.md#litellms-names) included; its other sections are left alone,
  with a warning.

| setting | variable | what it may be | default | what it does |
|---|---|---|---|---|
"""


def reference() -> str:
    """Return the page."""
    return _INTRO + "".join(f"{_row(setting)}\n" for setting in SETTINGS)


def _row(setting: Setting) -> str:
    variables = [f"`{name}`" for name in (setting.env, setting.fallback_env) if name]
    default = setting.default if "`" in setting.default else f"`{setting.default}`"
    cells = (
        f"`{setting.name}`",
        ", else ".join(variables) or "none",
        setting.type,
        "nothing" if setting.default == "" else default,
        setting.doc,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
