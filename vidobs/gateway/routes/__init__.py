"""What the gateway answers, by route."""
