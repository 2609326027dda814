"""The application that is built, published, deployed and accepted: a guest book that answers over HTTP."""

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class GuestBook(BaseHTTPRequestHandler):
    """``POST /`` signs the book, ``GET /`` reads it."""

    guests: list[str] = []  # noqa: RUF012 (one book for all)

    def do_GET(self) -> None:
        self.answer("".join(f"{guest}\n" for guest in self.guests))

    def do_POST(self) -> None:
        self.guests.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer("thank you\n")

    def answer(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Stay silent."""


parser = argparse.ArgumentParser(prog="guestbook")
parser.add_argument("--check", action="store_true", help="Say that the program can be run, and end")
if parser.parse_args().check:
    print("guestbook: ready")
else:
    with ThreadingHTTPServer(("127.0.0.1", 0), GuestBook) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
