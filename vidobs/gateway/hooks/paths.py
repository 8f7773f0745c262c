"""Where clients say where they want to be told."""

PATHS = ("/v1/webhook_endpoints", "/webhook_endpoints")
