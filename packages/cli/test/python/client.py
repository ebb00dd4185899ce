# Uploads a file and fetches it again with httpx over HTTP/2. Prints what was seen as JSON.
import hashlib
import json
import sys

import httpx

url, path, ca = sys.argv[1:4]
with open(path, "rb") as file:
    content = file.read()


def pieces():
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


def seen(response):
    return [response.http_version, response.status_code]


right = {"Md5": hashlib.md5(content).hexdigest()}
with httpx.Client(http1=False, http2=True, verify=ca) as client:
    answers = {
        "right": seen(client.put(f"{url}/right", content=content, headers=right)),
        "unknown length": seen(client.put(f"{url}/unknown", content=pieces(), headers=right)),
        "wrong": seen(client.put(f"{url}/wrong", content=content[1:], headers=right)),
        "bare": seen(client.put(f"{url}/bare", content=content)),
        "nothing there": seen(client.get(f"{url}/nothing")),
    }
    fetched = client.get(f"{url}/unknown")
    answers["fetched"] = [*seen(fetched), fetched.content == content]
print(json.dumps(answers))
