"""Dashboards and alerts for the user's own stack, made from the table of instruments. Pure.

What a panel asks stands once (`panels`), in terms of instruments and attributes (`queries`); it is
written as PromQL (`promql`, for `grafana` and `rules`) and in Datadog's language (`datadog`). So a
metric that gets another name has it everywhere.
"""
