"""Watches calls: synchronous, in microseconds, shared by sync and async code.

`with observer.create(call) as seen: seen.answer(...)`: the call runs inside, its result and its
exception come out untouched.
"""
