#!/usr/bin/env python3
"""link_proxy.py PORT TARGET [--break-after BYTES] [--rate BYTES]: a bad link to a server on the loopback.

--break-after: the first connection whose client sends more than so much is reset.
--rate: each connection brings at most so many bytes a second.
"""
import argparse, socket, struct, threading, time

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("target", type=int)
parser.add_argument("--break-after", type=int)
parser.add_argument("--rate", type=int)
options = parser.parse_args()
broken = threading.Event()


def reset(*sides):
    for side in sides:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()


def carry(source, target, up):
    count = 0
    try:
        while piece := source.recv(65536):
            count += len(piece)
            if up and options.break_after and count > options.break_after and not broken.is_set():
                broken.set()
                print("broke", flush=True)
                reset(source, target)
                return
            target.sendall(piece)
            if not up and options.rate:
                time.sleep(len(piece) / options.rate)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


most = 0
listener = socket.create_server(("127.0.0.1", options.port), backlog=64)
print("ready", flush=True)
while True:
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", options.target))
    # Those of clients that have gone have ended.
    now = 1 + sum(thread.name == "up" for thread in threading.enumerate())
    if now > most:
        most = now
        print(most, "connections", flush=True)
    threading.Thread(target=carry, args=(client, server, True), daemon=True, name="up").start()
    threading.Thread(target=carry, args=(server, client, False), daemon=True).start()
