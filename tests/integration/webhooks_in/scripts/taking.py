"""A process that takes one webhook: the secret of the environment, the rest from the arguments."""

import json
import sys

from vidobs import webhooks

headers, body = json.loads(sys.argv[1]), sys.argv[2].encode()
handled = webhooks.handle(headers, body)
print(handled.status, handled.outcome)  # noqa: T201 - the test reads it
