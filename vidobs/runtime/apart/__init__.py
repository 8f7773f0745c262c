"""Delivery in a process of its own, so that exporters take no time from who serves requests.

`relay` stands where a `Relay` would; `process` starts the other process, as often as it takes;
`child` is that process; `messages` is what both say to each other.
"""
