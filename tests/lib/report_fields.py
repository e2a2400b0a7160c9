#!/usr/bin/env python3
"""Whether the page and the sheet of a batch say of each filing what its
record says:
    report_fields.py REPORTS/BATCH
for a report in Japanese.  Prints a line per thing that is missing, and how
many were looked for as the last line."""
import csv
import html
import json
import os
import re
import sys

folder = sys.argv[1]
looked = 0
with open(os.path.join(folder, "report.json"), encoding="utf-8") as f:
    record = json.load(f)
with open(os.path.join(folder, "report.html"), encoding="utf-8") as f:
    page = f.read()
with open(os.path.join(folder, "report.csv"), encoding="utf-8-sig",
          newline="") as f:
    rows = list(csv.DictReader(f))


def plain(text):
    """Without white space, which each form sets in its own way."""
    return "".join(text.split())


def row_of_page(number):
    part = re.search(r'<tbody id="f%d".*?</tbody>' % number, page, re.S)
    return html.unescape(re.sub("<[^>]*>", " ", part.group(0)))


def day(moment):
    year, month, rest = moment.split("-", 2)
    return "%s年%d月%d日" % (year, int(month), int(rest[:2]))


def want(where, text, name, value):
    global looked
    looked += 1
    if value in (None, "") or plain(value) not in plain(text):
        print(where, "lacks", name, value)


def sheet(row, column, name, value):
    want("sheet", row[column], name, value)


def moment(text):
    return text[:10] + " " + text[11:19]


def signer(s, text, row):
    want("page", text, "signer", s["name"])
    want("page", text, "serial", s["serial"])
    want("page", text, "issuer", s["issuer"])
    want("page", text, "valid from", day(s["valid_from"]))
    want("page", text, "valid until", day(s["valid_until"]))
    want("page", text, "days left", "残り%d日" % s["days_left"])
    sheet(row, "署名者", "signer", s["name"])
    sheet(row, "証明書シリアル番号", "serial", s["serial"])


def period(signers, row):
    """The sheet has one, in which all certificates are valid."""
    sheet(row, "有効期間の開始", "valid from",
          moment(max(s["valid_from"] for s in signers)))
    sheet(row, "有効期限", "valid until",
          moment(min(s["valid_until"] for s in signers)))
    sheet(row, "残り日数", "days left",
          str(min(s["days_left"] for s in signers)))


def published(f, text, row):
    want("page", text, "procedure", f["procedure"]["code"])
    want("page", text, "procedure's name", f["procedure"]["name"])
    want("page", text, "taxpayer", f["taxpayer"])
    want("page", text, "output", f["output"]["path"])
    want("page", text, "output's hash", f["output"]["sha256"])
    sheet(row, "手続", "procedure", f["procedure"]["code"])
    sheet(row, "手続名", "procedure's name", f["procedure"]["name"])
    sheet(row, "氏名又は名称", "taxpayer", f["taxpayer"])
    sheet(row, "出力先", "output", f["output"]["path"])
    sheet(row, "出力ファイルのSHA-256", "output's hash", f["output"]["sha256"])
    done = [c for c in f["checks"].values() if c["state"] == "passed"]
    not_done = [c for c in f["checks"].values() if c["state"] == "not-checked"]
    want("page", text, "checks", "問題なし" if done else None)
    want("page", text, "checks not done", "未確認" if not_done else None)
    if row["確認したこと"].count(" / ") + 1 != len(done):
        print("sheet lacks checks", f["job"])
    if row["確認していないこと"].count(" / ") + 1 != len(not_done):
        print("sheet lacks checks not done", f["job"])
    if f["format"] == "etax":
        want("page", text, "user id", f["user_id"])
        want("page", text, "schema", f["schema"]["name"])
        want("page", text, "schema's hash", f["schema"]["sha256"])
        sheet(row, "利用者識別番号(下4桁)", "user id", f["user_id"])
        sheet(row, "スキーマ", "schema", f["schema"]["name"])


def filing(number, f, row):
    text = row_of_page(number)
    want("page", text, "result", row["結果"])
    want("page", text, "input", f["input"]["path"])
    want("page", text, "input's hash", f["input"]["sha256"])
    want("page", text, "claimed", f["claimed"][11:16])
    want("page", text, "finished", f["finished"][11:19])
    sheet(row, "ファイル", "input", f["input"]["path"])
    sheet(row, "投入ファイルのSHA-256", "input's hash", f["input"]["sha256"])
    sheet(row, "取込", "claimed", moment(f["claimed"]))
    sheet(row, "完了", "finished", moment(f["finished"]))
    if f["reason"]:
        for name, column in ("text", "理由"), ("todo", "対応"):
            want("page", text, name, f["reason"][name])
            sheet(row, column, name, f["reason"][name])
    for s in f["signers"]:
        signer(s, text, row)
    if f["signers"]:
        period(f["signers"], row)
    if f["result"] == "published":
        published(f, text, row)


if len(rows) != len(record["filings"]):
    print("sheet has", len(rows), "rows of", len(record["filings"]))
for index, (one, line) in enumerate(zip(record["filings"], rows)):
    filing(index + 1, one, line)
print("looked for", looked)
