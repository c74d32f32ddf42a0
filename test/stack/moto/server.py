"""The moto server on a free port of the loopback interface, with its responses corrected, until standard input ends.

Each correction is in a module of its own, which says what moto does and what AWS documents. Nothing here starts a container.
"""

import json
import os
import sys
import threading

from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

import code_location
import configuration
import invoke
import mappings
import pages
import step_functions


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        pass


def stop_with_standard_input():
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main():
    default_user_config["lambda"] = {"use_docker": False}
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    os.environ["MOTO_PORT"] = str(server.server_port)  # queue addresses are made with it
    code_location.apply(url)
    configuration.apply()
    mappings.apply()
    pages.apply()
    invoke.apply()
    step_functions.apply()
    threading.Thread(target=stop_with_standard_input, daemon=True).start()
    print("READY " + json.dumps({"url": url}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
