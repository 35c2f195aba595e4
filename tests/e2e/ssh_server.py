#!/usr/bin/env python3
"""ssh_server.py SSHD PORT DIRECTORY KEY...: an sshd for the user git on 127.0.0.1. DIRECTORY is the user's home and has
authorized_keys. The first connection is shown the first host key, the next one the next, and the last all that follow.
Runs in a mount namespace of its own, where it adds the user."""
import os
import socket
import subprocess
import sys

sshd, port, directory, keys = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
config = os.path.join(directory, "sshd_config")
with open(config, "w") as file:
    file.write(f"""AuthorizedKeysFile {directory}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM no
""")
users = os.path.join(directory, "passwd")
with open("/etc/passwd") as known, open(users, "w") as file:
    # sshd shuts its half that meets strangers in as a user that its package makes.
    file.write(known.read() + f"git:*:0:0::{directory}:/bin/sh\nsshd:*:65534:65534::/run/sshd:/usr/sbin/nologin\n")
subprocess.run(["mount", "--bind", users, "/etc/passwd"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.mkdir("/run/sshd", 0o755)

listener = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
served = []
while True:
    client = listener.accept()[0]
    key = keys.pop(0) if len(keys) > 1 else keys[0]
    print("shows", os.path.basename(key), flush=True)
    with client, open(os.path.join(directory, "sshd_log"), "a") as log:
        served.append(subprocess.Popen([sshd, "-i", "-e", "-f", config, "-h", key],
                                       stdin=client, stdout=client, stderr=log))
    served = [one for one in served if one.poll() is None]
