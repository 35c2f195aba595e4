"""A DHCP server for tests: gives 10.77.0.100 and up to whoever asks. dhcp_server.py INTERFACE LOG LEASE-SECONDS"""
import socket
import struct
import sys

interface, log_path, lease = sys.argv[1], sys.argv[2], int(sys.argv[3])
NAMES = {1: "discover", 3: "request", 4: "decline", 7: "release"}
leases = {}


def address_of(client):
    if client not in leases:
        leases[client] = next(n for n in range(100, 200) if n not in leases.values())
    return bytes([10, 77, 0, leases[client]])


def options_of(packet):
    out, at = {}, 240
    while at < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        out[packet[at]] = packet[at + 2:at + 2 + packet[at + 1]]
        at += 2 + packet[at + 1]
    return out


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
server.bind(("", 67))
open(log_path, "a").close()
while True:
    packet = server.recv(4096)
    options = options_of(packet)
    kind = options.get(53, b"\0")[0]
    client = options.get(61, packet[28:34])
    wanted = options.get(50, packet[12:16])
    with open(log_path, "a") as log:
        log.write("%s %s %s %s\n" % (NAMES.get(kind, kind), packet[28:34].hex(":"), socket.inet_ntoa(wanted),
                                     options.get(12, b"").decode()))
    if kind == 7:
        leases.pop(client, None)
    if kind not in (1, 3):
        continue
    address = address_of(client)
    answer = 2 if kind == 1 else 5
    if kind == 3 and wanted != address:
        answer, address = 6, b"\0\0\0\0"
    body = b"\x02\x01\x06\x00" + packet[4:8] + packet[8:12] + b"\0" * 4 + address + b"\0" * 8 + packet[28:44] + b"\0" * 192
    body += b"\x63\x82\x53\x63" + bytes([53, 1, answer, 54, 4, 10, 77, 0, 200])
    if answer != 6:
        body += bytes([51, 4]) + struct.pack("!I", lease) + bytes([1, 4, 255, 255, 255, 0, 3, 4, 10, 77, 0, 200])
    server.sendto(body + b"\xff", ("255.255.255.255", 68))
