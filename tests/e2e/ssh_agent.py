#!/usr/bin/env python3
"""ssh_agent.py serve SOCKET: an agent that answers every message with its type's number and says which it got.
ssh_agent.py ask SOCKET TYPE: sends a message of a type and prints the answer."""
import socket
import struct
import sys


def receive(connection):
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL) if len(head) == 4 else None


def send(connection, message):
    connection.sendall(struct.pack(">I", len(message)) + message)


if sys.argv[1] == "serve":
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[2])
    listener.listen()
    print("ready", flush=True)
    while True:
        client = listener.accept()[0]
        while (message := receive(client)) is not None:
            print("got", message[0], flush=True)
            send(client, b"answer to %d" % message[0])
else:
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[2])
    send(client, bytes([int(sys.argv[3])]) + b"rest")
    answer = receive(client)
    print(answer.decode() if answer.isascii() and answer.decode().isprintable() else answer.hex())
