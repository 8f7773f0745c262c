"""The servers behind the gateway: requests to them, and what their answers mean."""
