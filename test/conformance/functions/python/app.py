"""A handler for AWS's own runtime client that does what the payload says."""

import logging
import os
import sys
import time

logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    say(event.get("lines", []))
    for message in event.get("log", []):
        logging.info(message)
    if "signal" in event:
        open(f"/tmp/{event['signal']}", "w").close()
    if "until" in event:
        await_file(f"/tmp/{event['until']}")
    time.sleep(event.get("sleepMs", 0) / 1000)
    say(event.get("after", []))
    if "throws" in event:
        raise RangeError(event["throws"])
    return {"requestId": context.aws_request_id}


def say(lines):
    for line in lines:
        # in one piece, unlike print: the processes of Managed Instances share the stream
        sys.stdout.write(f"{line}\n")


def await_file(path):
    for _ in range(1000):  # at most 10 s
        if os.path.exists(path):
            return
        time.sleep(0.01)
    raise TimeoutError(f"{path} did not come")


class RangeError(Exception):
    """Named as the Node.js function's error."""
