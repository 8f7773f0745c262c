"""The pure heart of vidobs: records, the job state machine, money and capture rules.

Nothing here performs I/O, reads a clock or the environment, or starts a thread: time and ids come
in as arguments.
"""
