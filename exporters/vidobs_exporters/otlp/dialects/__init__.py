"""How each backend wants the attributes of a span: pure functions, one file each."""
