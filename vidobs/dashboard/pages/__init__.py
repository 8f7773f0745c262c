"""The pages: each is a function from a request's parameters to one frozen struct.

The template and the JSON twin under `/api/` are both made from that struct.
"""
