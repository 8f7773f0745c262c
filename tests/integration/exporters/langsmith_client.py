"""Send runs with LangSmith's own client.

Usage: python langsmith_client.py URL KEY < RUNS

RUNS is JSON: a list of `[verb, run, attachments]`, each of which goes out before the next.
"""

import base64
import json
import sys
from datetime import datetime

from langsmith import Client


def main():
    """Read what to send, and send it."""
    url, key = sys.argv[1:]
    client = Client(api_url=url, api_key=key)
    for verb, run, attachments in json.load(sys.stdin):
        for name in ("start_time", "end_time"):
            if name in run:
                run[name] = datetime.fromisoformat(run[name])
        files = {
            name: (kind, base64.b64decode(content)) for name, kind, content in attachments
        } or None
        if verb == "post":
            client.create_run(**run, **({"attachments": files} if files else {}))
        else:
            client.update_run(run.pop("id"), **run)
        client.flush()
    client.close()


if __name__ == "__main__":
    main()
