#!/usr/bin/env python3
"""kill -9 of whole process groups at random moments:
    kills.py SPOOL LOG CERTIFICATE HITS MOST REFILL COMMAND...
Starts COMMAND (it logs to standard error) in a process group of its own and
kills the group a few random milliseconds after the n-th log line of a random
kind, n up to MOST: progress decides, not the speed of the machine.  A run
that ended by itself before is no hit; then the script REFILL puts more work
there.
Goes on until HITS runs were hit, some of them between a recorded intent and
its signature, and some with outputs of before; then runs COMMAND until it has
nothing to do.

Checked after each hit and at the end: an output that was seen is whole and
never changes; an intent that was recorded keeps its Id, time and bytes, and
its output has just that Id and that signature, which signs those bytes.
Prints name=value lines, and a line `broken: ...` per broken promise; the seed
is E2E_SEED."""
import base64
import collections
import glob
import hashlib
import io
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile

KINDS = (b"", b"state=claimed", b"state=signing", b"key.asked",
         b"state=signed", b"state=verified", b"state=published")
MOST_LINES = 30  # times MOST: killed then in any case
SOME = 5

spool, log, certificate, hits_wanted, most, refill = sys.argv[1:7]
command = sys.argv[7:]
hits_wanted, most = int(hits_wanted), int(most)
choose = random.Random(int(os.environ["E2E_SEED"]))
said = collections.OrderedDict(hits=0, ended=0, interrupted=0, delivered=0)
outputs = {}  # path -> SHA-256, since it was first seen
intents = {}  # (job, part, signer) -> [Id, time, bytes' SHA-256, value]
broken = []


def tell(*words):
    broken.append(" ".join(str(w) for w in words))


def run(kind, count):
    """One run, killed after so many lines of a kind (0: never).  Its exit
    status, negative when it was killed."""
    lines = of_kind = 0
    hit = False
    with open(log, "ab") as to, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=to,
            stderr=subprocess.PIPE, start_new_session=True) as process:
        for line in process.stderr:
            to.write(line)
            lines += 1
            of_kind += kind in line
            if count and not hit and (
                    of_kind == count or lines == MOST_LINES * most):
                hit = True
                time.sleep(choose.randrange(15) / 1000)
                # Not reaped yet, so the group is still ours.
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def documents(path):
    """The XML of an output; an archive is tested."""
    with open(os.path.join(spool, path), "rb") as f:
        data = f.read()
    if not path.endswith(".zip"):
        if not data.rstrip().endswith(b"</DATA>"):
            tell("partial:", path)
        return data, data
    text = b""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            for name in z.namelist():  # reading tests the checksums
                member = z.read(name)
                text += member if name.endswith(".xml") else b""
    except (zipfile.BadZipFile, EOFError) as why:
        tell("partial:", path, why)
    return data, text


def look_at_outputs(final):
    """New ones are remembered; at the end all are looked at again.  Their
    texts by path."""
    texts = {}
    found = {os.path.relpath(path, spool) for path in
             glob.glob(os.path.join(glob.escape(spool), "out", "*", "*"))}
    for path in sorted(found):
        if path in outputs and not final:
            continue
        data, texts[path] = documents(path)
        digest = hashlib.sha256(data).hexdigest()
        if outputs.setdefault(path, digest) != digest:
            tell("changed:", path)
    for path in set(outputs) - found:
        tell("gone:", path)
    return texts


def query(sql):
    """From a copy: a reader must not repair what a kill left."""
    with tempfile.TemporaryDirectory() as d:
        for name in ("natsuin.db", "natsuin.db-wal"):
            if os.path.exists(os.path.join(spool, "state", name)):
                shutil.copy(os.path.join(spool, "state", name), d)
        db = sqlite3.connect(os.path.join(d, "natsuin.db"))
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            # Killed before the tables were made.
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise
            return []
        finally:
            db.close()


def look_at_intents(killed):
    now = {row[:3]: list(row[3:]) for row in query(
        "SELECT job, part, signer, id, time_ms, signed_info, value "
        "FROM signature")}
    for key, before in intents.items():
        after = now.get(key)
        if after is None or after[:3] != before[:3]:
            tell("intent changed:", key, before[:2], after and after[:2])
        elif before[3] is not None and after[3] != before[3]:
            tell("signature changed:", key, before[0])
    if killed and any(row[3] is None for row in now.values()):
        said["interrupted"] += 1
    intents.update(now)


def modulus():
    """None for a key on a curve: its values do not tell what was signed;
    that they fit the outputs is for natsuin verify to say."""
    text = subprocess.run(["openssl", "x509", "-noout", "-modulus", "-in",
                           certificate], check=True, capture_output=True)
    text = text.stdout.decode().strip().split("=")[1]
    return int(text, 16) if re.fullmatch("[0-9A-F]+", text) else None


def look_at_signatures(texts):
    """Each published job's signatures are in its output as recorded."""
    n = modulus()
    places = dict(query("SELECT id, output FROM job WHERE state = 'published'"))
    for (job, _, _), (name, _, signed_info, value) in intents.items():
        if job not in places:
            tell("intent of a job that is not published:", job)
            continue
        text = texts.get(places[job])
        if text is None or value is None:
            tell("no output or value:", job, places[job])
            continue
        # Documents of one application may have signatures of one Id.
        got = re.findall(
            rb'<(?:dsig:)?Signature [^>]*Id="' + name.encode() +
            rb'".*?SignatureValue[^>]*>([^<]*)<', text, re.S)
        if value not in map(base64.b64decode, got):
            tell("output has another signature:", places[job], name)
        if n is None:
            continue
        signed = pow(int.from_bytes(value, "big"), 65537, n)
        if signed.to_bytes(256, "big")[-32:] != signed_info:
            tell("another text was signed:", places[job], name)
    for job in set(places) - {key[0] for key in intents}:
        tell("published without a recorded intent:", places[job])


def kill_until_enough():
    while said["hits"] < hits_wanted or said["interrupted"] < SOME or \
            said["delivered"] < SOME:
        if said["hits"] + said["ended"] > 4 * hits_wanted + 20:
            tell("too few hits in", said["hits"] + said["ended"], "runs")
            return
        kind = choose.choice(KINDS)
        # Any line: filings have about ten, so ten times as many.
        status = run(kind, choose.randint(1, most if kind else 10 * most))
        if status == -signal.SIGKILL:
            said["hits"] += 1
            said["delivered"] += bool(outputs)
            look_at_outputs(False)
            look_at_intents(True)
        else:
            said["ended"] += 1
            if status not in (0, 3, 4):
                tell("a run ended with status", status)
            subprocess.run(["bash", refill], check=True)
        if broken:
            return


kill_until_enough()
said["last"] = run(b"", 0)
said["after"] = run(b"", 0)
look_at_intents(False)
look_at_signatures(look_at_outputs(True))
for word, value in said.items():
    print("%s=%s" % (word, value))
for line in broken[:20]:
    print("broken:", line)
