"""A network and IPAM plugin of Docker's legacy protocol: veths at a bridge of its own. network_plugin.py FOLDER SOCKET

A file FOLDER/METHOD says how a method misbehaves."""
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading

folder, socket = sys.argv[1], sys.argv[2]
lock = threading.Lock()
held = set()


def ip(*arguments):
    subprocess.run(("ip",) + arguments, check=False, capture_output=True)


def answer(method, asked):
    endpoint = asked.get("EndpointID", "")[:7]
    if method == "Plugin.Activate":
        return {"Implements": ["NetworkDriver", "IpamDriver"]}
    if method == "NetworkDriver.GetCapabilities":
        return {"Scope": "local"}
    if method == "NetworkDriver.CreateNetwork":
        ip("link", "add", "wire-bridge", "type", "bridge")
        ip("link", "set", "wire-bridge", "up")
    if method == "NetworkDriver.CreateEndpoint":
        return {"Interface": {"MacAddress": "02:11:" + ":".join(endpoint[i:i + 2] for i in (0, 2, 4)) + ":01"}}
    if method == "NetworkDriver.Join":
        ip("link", "add", "wire-v" + endpoint, "type", "veth", "peer", "name", "wire-p" + endpoint)
        ip("link", "set", "wire-v" + endpoint, "master", "wire-bridge", "up")
        gateway = "10.91.0.1"
        out = {"InterfaceName": {"SrcName": "wire-p" + endpoint, "DstPrefix": "wire"}}
        if os.path.exists(folder + "/gateway"):
            out["Gateway"] = gateway
            out["StaticRoutes"] = [{"Destination": "10.92.0.0/16", "RouteType": 0, "NextHop": gateway},
                                   {"Destination": "10.93.0.0/16", "RouteType": 1}]
        return out
    if method in ("NetworkDriver.DeleteEndpoint",):
        ip("link", "del", "wire-v" + endpoint)
    if method == "NetworkDriver.EndpointOperInfo":
        return {"Value": {}}
    if method == "IpamDriver.GetDefaultAddressSpaces":
        return {"LocalDefaultAddressSpace": "here", "GlobalDefaultAddressSpace": "everywhere"}
    if method == "IpamDriver.RequestPool":
        return {"PoolID": "p1", "Pool": asked["Pool"] or "10.94.0.0/24", "Data": {}}
    if method == "IpamDriver.RequestAddress":
        address = asked["Address"]
        if not address:
            address = next("10.94.0.%d" % i for i in range(1, 255) if "10.94.0.%d" % i not in held)
        if address in held:
            return {"Err": "taken"}
        held.add(address)
        return {"Address": address + "/24"}
    if method == "IpamDriver.ReleaseAddress":
        held.discard(asked["Address"])
    return {}


class Plugin(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        method = self.path[1:]
        with lock, open(folder + "/calls", "a") as log:
            log.write(method + " " + json.dumps(asked) + "\n")
        if method == "NetworkDriver.CreateNetwork" and "10.91.0.1/24" in json.dumps(asked):
            open(folder + "/gateway", "w").close()
        how = open(folder + "/" + method).read() if os.path.exists(folder + "/" + method) else ""
        if how == "hang":
            threading.Event().wait()
        if how == "endless":
            try:
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        status, body = 200, b""
        if how == "garbage":
            body = b"[1, {"
        elif how == "missing":
            status, body = 404, b"404 page not found\n"
        elif how == "refuse":
            body = json.dumps({"Err": "out of wire"}).encode()
        elif how == "hostile":
            body = json.dumps({"InterfaceName": {"SrcName": "../../lo", "DstPrefix": 7},
                               "StaticRoutes": [[], {"Destination": "x"}]}).encode()
        else:
            with lock:
                body = json.dumps(answer(method, asked)).encode()
                with open(folder + "/held", "w") as file:
                    file.write(str(len(held)) + "\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "client"

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


Server(socket, Plugin).serve_forever()
