"""The cart that you are working on: run it, change it, run it again. It asks the shop's stock by its cluster name."""

import http.server
import os
import urllib.request

STOCK = os.environ.get("STOCK_URL", "http://stock:9090/")


class Cart(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with urllib.request.urlopen(STOCK, timeout=5) as answer:
            stock = answer.read().decode().strip()
        text = f"cart from my desk, with stock from {stock}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Cart).serve_forever()
