"""Python's requests, one Session for all calls.
session.py URL N MODE [CAFILE]; see bench/us.lua."""
import sys
from time import perf_counter as now

import requests

url, n, mode, *ca_file = sys.argv[1:]
url += "/user" if mode == "user" else "/security/token"
query = None if mode == "user" else {"type": "delegation", "scope": "all"}
session = requests.Session()
session.verify = ca_file[0] if ca_file else True
session.headers.update({
    "Accept": "application/json",
    "X-Plex-Client-Identifier": "6f1c0a52-bench",
    "X-Plex-Token": "bench-token-0123456789"})


def call():
    answer = session.get(url, params=query, timeout=30)
    answer.raise_for_status()
    return answer.json()


start = now()
call()
first = now()
for _ in range(1, int(n)):
    call()
print("%.6f %.6f" % (first - start, now() - first))
