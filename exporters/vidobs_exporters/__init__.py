"""The exporters that ship with vidobs, one module each.

They use nothing but the public `vidobs` API and are found through the entry-point group
`vidobs.exporters`, exactly as an exporter from another distribution is. Importing this package
imports none of them.
"""
