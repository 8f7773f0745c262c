"""The side of the gateway that clients see: connections, requests and answers."""
