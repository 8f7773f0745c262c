"""What `vidobs gateway` runs, once it is known what was asked for."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError

if TYPE_CHECKING:
    from vidobs.cli.entry import GatewayStart
    from vidobs.config import Loaded
    from vidobs.gateway.config import GatewayConfig

FLUSH_S = 5.0  # that events may take to leave at the end


def run(start: GatewayStart) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        VidobsError: what is configured cannot be served.
    """
    from vidobs.gateway.extra import check_installed

    check_installed()
    import vidobs
    from vidobs import runtime
    from vidobs.cli._gateway_ui import METRICS, UI, Pages
    from vidobs.gateway.assembly import assembled
    from vidobs.gateway.server import GatewayServer, check_bound
    from vidobs.gateway.videos.keeping_key import signing_key

    given = _config(start.config, start.model)
    check_bound(given, start.host)
    for warning in given.warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - for whoever started it
    loaded = _settings(given, start.config)
    made = runtime.configure(loaded, apart=given.relay == "process")
    if made is None:
        raise ConfigError("VIDOBS_DISABLED is set: there is no gateway without a ledger")
    pages = Pages(loaded.settings, vidobs.metrics_app())
    try:
        whole = assembled(
            given,
            runtime=made,
            key=signing_key(loaded.settings.ledger.path),
            extra_routes={METRICS: pages.metrics},
            mounts={UI: pages.dashboard},
        )
        pages.keys = whole.keys
        with whole.closing, closing(pages):
            server = GatewayServer(
                whole.gateway, host=start.host, port=start.port, on_ready=_say_ready
            )
            server.run_here()
    finally:
        runtime.shutdown(FLUSH_S)


def _config(file: Path | None, model: str | None) -> GatewayConfig:
    from vidobs.gateway.config import from_model, read_config

    if model is not None:
        if file is not None:
            raise ConfigError("give --config or --model, not both")
        return from_model(model, os.environ)
    named = file or (Path(os.environ["VIDOBS_CONFIG"]) if "VIDOBS_CONFIG" in os.environ else None)
    if named is None:
        raise ConfigError("give --config FILE, or --model such as azure/sora-2")
    return read_config(named.expanduser(), os.environ)


def _settings(given: GatewayConfig, file: Path | None) -> Loaded:
    """The settings of vidobs, from the same file, with the prices of `model_info`."""
    from vidobs import config
    from vidobs.gateway.config.sections import GENERAL, GUARDRAILS, MODELS, ROUTER

    arguments = {"prices": list(given.prices)} if given.prices else {}
    return config.load(
        arguments,
        yaml_path=None if file is None else file.expanduser(),
        read_elsewhere=(MODELS, GENERAL, GUARDRAILS, ROUTER),
    )


def _say_ready(root_url: str) -> None:
    """The address alone in the first line, for programs; how to use it behind it, for people."""
    print(  # noqa: T201 - what the command says
        f"{root_url}\n\n  export OPENAI_BASE_URL={root_url}/v1\n", flush=True
    )
