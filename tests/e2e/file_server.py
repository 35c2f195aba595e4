#!/usr/bin/env python3
"""file_server.py PORT DIRECTORY: what a build fetches, and servers that mean no good."""
import http.server
import os
import subprocess
import sys
import urllib.parse

PORT, ROOT = int(sys.argv[1]), sys.argv[2]


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=ROOT)

    def log_message(self, *_):
        pass

    def redirect(self, place):
        self.send_response(302)
        self.send_header("Location", place)
        self.end_headers()

    def git(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = dict(os.environ, GIT_PROJECT_ROOT=ROOT, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=url.path,
                           QUERY_STRING=url.query, REQUEST_METHOD=self.command, CONTENT_LENGTH=str(len(body)),
                           CONTENT_TYPE=self.headers.get("Content-Type", ""))
        answer = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE).stdout
        head, _, rest = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(rest)

    def do_GET(self):
        if ".git/" in self.path:
            self.git()
        elif self.path == "/moved":
            self.redirect("/file.txt")
        elif self.path == "/to-a-file":
            self.redirect("file:///etc/passwd")
        elif self.path == "/in-circles":
            self.redirect("/in-circles")
        elif self.path.startswith("/named"):
            self.send_response(200)
            self.send_header("Content-Disposition", 'attachment; filename="../../given"')
            self.end_headers()
            self.wfile.write(b"named\n")
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            with open(ROOT + "/file.txt", "rb") as file:
                self.wfile.write(file.read())
            self.close_connection = True
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                pass
        else:
            super().do_GET()

    do_POST = git


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
server.serve_forever()
