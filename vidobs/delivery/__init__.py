"""The way of an event out of the process: callbacks, live exporters, and the durable relay.

Each function and each exporter has a daemon thread of its own, so that none can hurt another, nor
the user's call, which only ever appends to a queue.
"""
