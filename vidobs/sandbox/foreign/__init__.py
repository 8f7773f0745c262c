"""Servers of APIs that are not the OpenAI Videos protocol, on the jobs, faults and files of ours.

They answer in the shapes that the providers document, as far as a client needs them to make a video
and to fetch it. Contract-tested, not live-tested.
"""
