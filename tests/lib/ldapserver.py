#!/usr/bin/env python3
"""An LDAP server on loopback with one entry (RFC 4511), for tests.

    ldapserver.py DIR FILE      port in DIR/ldap.port; every search finds one
                                entry whose certificateRevocationList;binary
                                is the FILE
"""
import os
import socketserver
import sys

HERE, FILE = sys.argv[1:]


def tlv(tag, *parts):
    body = b''.join(parts)
    n = len(body)
    if n < 128:
        length = bytes([n])
    else:
        digits = n.to_bytes((n.bit_length() + 7) // 8, 'big')
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + body


def result(op):  # success, no name, no message
    return tlv(op, tlv(0x0A, b'\0'), tlv(4), tlv(4))


class Handler(socketserver.StreamRequestHandler):
    def message(self):
        """One LDAPMessage: its id and operation, or None at the end."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        n = head[1]
        if n & 0x80:
            n = int.from_bytes(self.rfile.read(n & 0x7F), 'big')
        body = self.rfile.read(n)
        size = body[1]
        return body[2:2 + size], body[2 + size]

    def reply(self, number, op):
        self.wfile.write(tlv(0x30, tlv(2, number), op))

    def handle(self):
        while True:
            got = self.message()
            if got is None or got[1] == 0x42:  # unbind
                return
            number, op = got
            if op == 0x60:  # bind
                self.reply(number, result(0x61))
            elif op == 0x63:  # search
                with open(FILE, 'rb') as f:
                    data = f.read()
                self.reply(number, tlv(
                    0x64, tlv(4, b'cn=ca'), tlv(0x30, tlv(
                        0x30, tlv(4, b'certificateRevocationList;binary'),
                        tlv(0x31, tlv(4, data))))))
                self.reply(number, result(0x65))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


server = Server(('127.0.0.1', 0), Handler)
with open(os.path.join(HERE, 'ldap.new'), 'w') as f:
    f.write(str(server.server_address[1]))
os.rename(os.path.join(HERE, 'ldap.new'), os.path.join(HERE, 'ldap.port'))
server.serve_forever()
