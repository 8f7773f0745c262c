"""HTTP as the gateway speaks it to its clients: requests, bodies, answers, errors."""
