"""An HTTP/1.1 client of few steps: connections that are kept, answers whole or as they come."""
