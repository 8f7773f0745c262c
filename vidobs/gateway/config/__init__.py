"""What `vidobs gateway` is set up with: LiteLLM's file as it is, and our own section `gateway:`."""

from vidobs.gateway.config.model import Deployment, GatewayConfig, Given, Sizes
from vidobs.gateway.config.read import from_model, read_config

__all__ = ["Deployment", "GatewayConfig", "Given", "Sizes", "from_model", "read_config"]
