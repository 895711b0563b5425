"""A real HTTP server that plays a deploy tool, well or badly."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Counterpart(ThreadingHTTPServer):
    """Answers each path as `answers` says and remembers the requests.

    An answer is (status, body) or (status, body, headers); a body that is no bytes is sent as JSON. Instead of an answer
    there may be a word: "hang" (never answers), "close" (breaks the connection), "drip" (a byte now and then), "half".
    A list is used up one by one; its last answer stays.
    """

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers, self.requests, self.over = {}, [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self.thread.join(5)
        self.server_close()

    def answer_to(self, method, path, headers, body):
        """What a request is answered with; here it only depends on the path."""
        return self.next_answer(path)

    def next_answer(self, path):
        answer = self.answers.get(path, (404, b"no such page"))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        answer = self.server.answer_to(self.command, self.path, self.headers, body)
        if isinstance(answer, str):
            return getattr(self, answer)()
        status, content, headers = (*answer, {})[:3]
        if not isinstance(content, bytes):
            content, headers = json.dumps(content).encode(), {"Content-Type": "application/json"} | headers
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that http.server calls

    def hang(self):
        self.server.over.wait(20)
        self.close_connection = True

    def close(self):
        self.close_connection = True

    def half(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        self.close_connection = True

    def drip(self):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000:
            if self.server.over.is_set():
                break
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)
        self.close_connection = True

    def log_message(self, *_):
        """Nothing is printed."""
