#!/usr/bin/env python3
"""A server on loopback for tests of revocation: lists, OCSP, and what can go
wrong.

    revserver.py DIR        writes its port to DIR/port when it listens

OCSP answers are made by `openssl ocsp` for each request, from DIR/index
(openssl's database), so that a changed index counts at once:

    /ocsp       signed by DIR/responder.{pem,key}      /issuer  by DIR/ca
    /nononce    without the nonce                      /stranger by DIR/stranger
    /replay     an answer to another request (wrong nonce)
    /old        an answer from DIR/old.der as it is
    /lists/NAME DIR/lists/NAME
    /slow       never answers     /huge      never stops
    /away       redirect to a host that is not allowed (localhost)
    /near       redirect to /lists/ca.crl           /loop     to itself
    /broken     is no list

While DIR/hold exists nobody gets an answer.  Every request leaves a line in
DIR/requests.
"""
import os
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = sys.argv[1]


def path(name):
    return os.path.join(HERE, name)


def ocsp(request, signer='responder'):
    with tempfile.TemporaryDirectory() as tmp:
        asked, answer = os.path.join(tmp, 'q'), os.path.join(tmp, 'a')
        with open(asked, 'wb') as f:
            f.write(request)
        subprocess.run(
            ['openssl', 'ocsp', '-index', path('index'),
             '-CA', path('ca.pem'), '-rsigner', path(signer + '.pem'),
             '-rkey', path(signer + '.key'), '-reqin', asked,
             '-respout', answer, '-nmin', '60'],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(answer, 'rb') as f:
            return f.read()


def own_request(*extra):
    """A question of our own about the same certificate: another nonce."""
    with tempfile.TemporaryDirectory() as tmp:
        name = os.path.join(tmp, 'q')
        subprocess.run(
            ['openssl', 'ocsp', '-issuer', path('ca.pem'),
             '-cert', path('leaf.pem'), *extra, '-reqout', name],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(name, 'rb') as f:
            return f.read()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def answer(self, data, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def redirect(self, where):
        self.answer(b'<html>elsewhere</html>', 302, [('Location', where)])

    def endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b'0' * 65536)
        except OSError:
            pass

    def serve(self):
        request = self.body()
        name = self.path
        port = self.server.server_address[1]
        with open(path('requests'), 'a') as f:
            f.write(name + '\n')
        while os.path.exists(path('hold')):
            time.sleep(0.05)
        if name == '/ocsp':
            self.answer(ocsp(request))
        elif name == '/issuer':
            self.answer(ocsp(request, 'ca'))
        elif name == '/stranger':
            self.answer(ocsp(request, 'stranger'))
        elif name == '/nononce':
            self.answer(ocsp(own_request('-no_nonce')))
        elif name == '/replay':
            self.answer(ocsp(own_request()))
        elif name.startswith('/lists/') or name == '/old':
            try:
                with open(path('old.der' if name == '/old'
                               else name.lstrip('/')), 'rb') as f:
                    self.answer(f.read())
            except FileNotFoundError:
                self.answer(b'nothing here', 404)
        elif name == '/slow':
            self.connection.recv(1)
        elif name == '/huge':
            self.endless()
        elif name == '/away':
            self.redirect('http://localhost:%d/lists/ca.crl' % port)
        elif name == '/near':
            self.redirect('/lists/ca.crl')
        elif name == '/loop':
            self.redirect('/loop')
        else:
            self.answer(b'this is no list')

    do_GET = do_POST = serve


server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
with open(path('port.new'), 'w') as f:
    f.write(str(server.server_address[1]))
os.rename(path('port.new'), path('port'))
server.serve_forever()
