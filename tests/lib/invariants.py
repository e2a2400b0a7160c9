#!/usr/bin/env python3
"""What must hold of a spool at rest, whatever happened to it before:
    invariants.py SPOOL OFFERED
OFFERED has one line per file that was dropped: its SHA-256.  Prints one line
per broken promise, nothing when all are kept."""
import collections
import glob
import hashlib
import json
import os
import re
import sqlite3
import sys

SIGNATURE = re.compile(rb"<dsig:Signature .*?</dsig:Signature>", re.S)
FINAL = ("published", "failed", "discarded", "returned")

spool, offered = sys.argv[1:3]
problems = []


def tell(*words):
    problems.append(" ".join(str(w) for w in words))


def content(path):
    with open(path, "rb") as f:
        return f.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def files(*folders):
    """Regular files below folders of the spool, as paths from the spool."""
    for folder in folders:
        tree = os.walk(os.path.join(spool, folder), followlinks=True)
        for top, _, names in tree:
            for name in names:
                path = os.path.join(top, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield os.path.relpath(path, spool)


def is_original(path):
    name = os.path.basename(path)
    if name.endswith(".reason.txt"):
        return False
    return not path.startswith("work/") or re.match(r"[\w-]+=", name)


# Nothing lost: each dropped file is once in in/, work/, done/ or failed/.
with open(offered, encoding="utf-8") as f:
    want = collections.Counter(line[:64] for line in f)
kept = collections.defaultdict(list)
for path in filter(is_original, files("in", "work", "done", "failed")):
    kept[sha256(content(os.path.join(spool, path)))].append(path)
for digest, count in want.items():
    if len(kept[digest]) != count:
        tell("lost:", count, "dropped, kept", kept[digest], digest[:12])
for digest, paths in kept.items():
    if digest not in want:
        tell("unknown:", paths)

# Nothing twice, nothing but signatures added: one output per original in
# done/, and the bytes outside signatures are the original's.  (A receiver may
# have moved outputs to out.fetched/.)
outputs = collections.defaultdict(list)
for path in files("out", "out.fetched"):
    data = content(os.path.join(spool, path))
    bare = SIGNATURE.sub(b"", data)
    if bare == data:
        tell("no signature:", path)
    outputs[sha256(bare)].append(path)
done = {d: [p for p in ps if p.startswith("done/")] for d, ps in kept.items()}
done = {d: ps for d, ps in done.items() if ps}
for digest in set(outputs) | set(done):
    if len(outputs[digest]) != 1 or len(done.get(digest, [])) != 1:
        tell("published:", outputs[digest], "of", kept[digest])

db = sqlite3.connect("file:%s/state/natsuin.db?mode=ro" % spool, uri=True)
held = {row[0] for row in db.execute("SELECT name FROM job WHERE state = 'held'")}

# No leftover: what is in work/ belongs to held jobs, nothing is hidden.
for name in os.listdir(os.path.join(spool, "work")):
    if re.split("[=.]", name)[0] not in held:
        tell("leftover: work/" + name)
for path in files("in", "out", "done", "failed"):
    if "/.natsuin-" in path:
        tell("leftover:", path)

# The queue is sound and at rest.
for (word,) in db.execute("PRAGMA integrity_check"):
    if word != "ok":
        tell("database:", word)
for name, state, cleaned in db.execute("SELECT name, state, cleaned FROM job"):
    if state != "held" and (state not in FINAL or not cleaned):
        tell("not at rest:", name, state, cleaned)

# Every job of every batch has its line in the batch's report.
for number, batch, finished in db.execute("SELECT id, name, finished_ms FROM batch"):
    if not finished:
        tell("batch not finished:", batch)
    jobs = dict(db.execute(
        "SELECT j.name, b.state FROM batch_job b JOIN job j ON j.id = b.job "
        "WHERE b.batch = ? AND b.state NOT IN ('returned', 'claiming')", (number,)))
    places = glob.glob(os.path.join(spool, "reports", batch, "report.json"))
    filings = json.loads(content(places[0]))["filings"] if places else []
    lines = collections.Counter(f["job"] for f in filings)
    for job, state in jobs.items():
        if lines[job] != 1:
            tell("report", batch, "has", lines[job], "lines for", job)
    for f in filings:
        result = "failed" if f["result"] == "duplicate" else f["result"]
        if jobs.get(f["job"]) != result:
            tell("report", batch, "says", result, "of", f["job"],
                 "which is", jobs.get(f["job"]))
    if not places and (jobs or finished):
        tell("report", batch, "is missing")

print("\n".join(problems), end="\n" if problems else "")
sys.exit(1 if problems else 0)
